package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RepeatPlanTest {
  /** Returns how often what takes so long each time is measured. */
  private static int times(int repeat, Duration each) {
    RepeatPlan plan = new RepeatPlan(repeat);
    int measured = 1;
    while (plan.again(measured, each, each.multipliedBy(measured - 1))) {
      measured++;
    }
    return measured;
  }

  @Test
  void whatTakesAWhileIsMeasuredAsOftenAsIsWanted() {
    assertThat(times(3, Duration.ofSeconds(10))).isEqualTo(3);
    assertThat(times(5, Duration.ofSeconds(10))).isEqualTo(5);
  }

  @Test
  void aMomentIsMeasuredMoreOften() {
    assertThat(times(3, Duration.ofSeconds(1))).isEqualTo(7);
  }

  @Test
  void whatTakesLongIsMeasuredLessOften() {
    assertThat(times(3, Duration.ofSeconds(20))).isEqualTo(2);
    assertThat(times(3, Duration.ofSeconds(31))).isEqualTo(1);
    assertThat(times(6, Duration.ofSeconds(31))).isEqualTo(2);
  }

  @Test
  void afterAWhileNothingIsRepeated() {
    RepeatPlan plan = new RepeatPlan(3);
    assertThat(plan.isInTime(Duration.ofMinutes(11))).isTrue();
    assertThat(plan.isInTime(Duration.ofMinutes(12))).isFalse();
    assertThat(new RepeatPlan(6).isInTime(Duration.ofMinutes(15))).isTrue();
  }

  @Test
  void onceIsOnce() {
    assertThat(times(1, Duration.ofMillis(1))).isEqualTo(1);
    assertThat(times(1, Duration.ofHours(1))).isEqualTo(1);
  }
}
