package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RowTest {
  private static Statistics one(double value) {
    return Statistics.of(List.of(value));
  }

  private static Row row(Target target, double ballast, double peer) {
    return Row.of("row", target, one(ballast), Optional.of(one(peer)));
  }

  @Test
  void aTargetIsMetAtItsRatioAndNotAbove() {
    Target half = Target.toPeer(Metric.TIME, 0.5);
    assertThat(row(half, 50, 100).met()).hasValue(true);
    assertThat(row(half, 50.001, 100).met()).hasValue(false);
    assertThat(row(half, 50.001, 100).ratio().getAsDouble()).isGreaterThan(0.5);
  }

  @Test
  void withoutAPeerNothingIsKnown() {
    Row row = Row.of("row", Target.toPeer(Metric.TIME, 0.5), one(1), Optional.empty());
    assertThat(row.ratio()).isEmpty();
    assertThat(row.met()).isEmpty();
  }

  @Test
  void aLimitNeedsNoPeer() {
    Target limit = Target.toLimit(Metric.DOWNTIME, 300);
    assertThat(Row.of("row", limit, one(300), Optional.empty()).met()).hasValue(true);
    assertThat(Row.of("row", limit, one(301), Optional.empty()).met()).hasValue(false);
  }

  @Test
  void whoConvergesAloneMeetsTheTargetAndWhoAloneDoesNotMissesIt() {
    Target downtime = Target.toPeer(Metric.DOWNTIME, 1);
    double never = Double.POSITIVE_INFINITY;
    assertThat(row(downtime, 200, never).met()).hasValue(true);
    assertThat(row(downtime, never, 200).met()).hasValue(false);
    assertThat(row(downtime, never, never).met()).isEmpty();
  }

  @Test
  void aScenarioHasARowForEachTarget() {
    Side ballast = BenchFixtures.side("Ballast", 10);
    Side peer = BenchFixtures.side("QEMU", 100);
    assertThat(Row.of(BenchFixtures.scenario("touched"), ballast, Optional.of(peer)))
        .extracting(Row::name)
        .containsExactly("touched", "touched/bytes");
    assertThat(Row.of(BenchFixtures.scenario("dirtying-100"), ballast, Optional.of(peer)))
        .extracting(Row::name)
        .containsExactly("dirtying-100", "dirtying-100/limit");
  }
}
