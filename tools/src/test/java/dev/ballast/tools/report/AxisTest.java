package dev.ballast.tools.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class AxisTest {
  @Test
  void valuesLieBetweenTheEndsAndNotBeyond() {
    Axis down = new Axis(10, 200, 100);
    assertThat(down.at(0)).isEqualTo(200);
    assertThat(down.at(5)).isEqualTo(150);
    assertThat(down.at(99)).isEqualTo(100);
  }

  @Test
  void ticksAreRound() {
    assertThat(new Axis(9.3, 0, 1).ticks(5)).containsExactly(0.0, 2.0, 4.0, 6.0, 8.0);
    assertThat(new Axis(1000, 0, 1).ticks(2)).containsExactly(0.0, 500.0, 1000.0);
    assertThat(new Axis(0.07, 0, 1).ticks(3)).hasSize(2);
  }
}
