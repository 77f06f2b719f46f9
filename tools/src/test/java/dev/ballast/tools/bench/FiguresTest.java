package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class FiguresTest {
  @Test
  void bytesAndTimesComeInTheUnitThatSuitsThem() {
    assertThat(Figures.bytes(1023)).isEqualTo("1023 B");
    assertThat(Figures.bytes(1536)).isEqualTo("1.50 KiB");
    assertThat(Figures.bytes(157.4 * (1 << 20))).isEqualTo("157 MiB");
    assertThat(Figures.bytes(12L << 40)).isEqualTo("12 TiB");
    assertThat(Figures.millis(0.25)).isEqualTo("0.25 ms");
    assertThat(Figures.millis(999)).isEqualTo("999 ms");
    assertThat(Figures.millis(54_800)).isEqualTo("54.8 s");
    assertThat(Figures.of(Double.POSITIVE_INFINITY, Metric.TIME)).isEqualTo("never");
    assertThat(Figures.of(1.5 * (1 << 30), Metric.INFLATE)).isEqualTo("1.50 GiB/s");
    assertThat(Figures.of(36_963.4, Metric.PIO)).isEqualTo("36,963/s");
  }

  @Test
  void smallRatiosAreParts() {
    assertThat(Figures.ratio(OptionalDouble.of(0.02))).isEqualTo("1/50");
    assertThat(Figures.ratio(OptionalDouble.of(0))).isEqualTo("0.00");
    assertThat(Figures.ratio(OptionalDouble.of(1.01))).isEqualTo("1.01");
    assertThat(Figures.ratio(OptionalDouble.of(Double.POSITIVE_INFINITY))).isEqualTo("∞");
    assertThat(Figures.ratio(OptionalDouble.empty())).isEqualTo("–");
  }
}
