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
    return new Row("row", target, one(ballast), Optional.of(new Row.Beside("other", one(peer))));
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
    Row row = new Row("row", Target.toPeer(Metric.TIME, 0.5), one(1), Optional.empty());
    assertThat(row.ratio()).isEmpty();
    assertThat(row.met()).isEmpty();
  }

  @Test
  void aLimitNeedsNoPeer() {
    Target limit = new Target(Metric.DOWNTIME, 1, new Target.Limit(300));
    assertThat(new Row("row", limit, one(300), Optional.empty()).met()).hasValue(true);
    assertThat(new Row("row", limit, one(301), Optional.empty()).met()).hasValue(false);
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
  void whereMoreIsBetterATargetIsMetAtItsRatioAndNotBelow() {
    Target inflate = Target.toPeer(Metric.INFLATE, 1.2);
    assertThat(row(inflate, 120, 100).met()).hasValue(true);
    assertThat(row(inflate, 119.9, 100).met()).hasValue(false);
    assertThat(inflate.text()).isEqualTo("≥ 1.20");
    assertThat(Target.toPeer(Metric.TIME, 0.02).text()).isEqualTo("≤ 1/50");
  }

  @Test
  void anAllowanceIsAddedToWhatThePeerHas() {
    Target more = new Target(Metric.OVERHEAD, 1, new Target.Peer(40));
    assertThat(row(more, 100, 60).met()).hasValue(true);
    assertThat(row(more, 100, 60).ratio()).hasValue(1);
    assertThat(row(more, 101, 60).met()).hasValue(false);
    assertThat(row(more, 101, 60).isPlain()).isFalse();
    assertThat(new Row("row", more, one(1), Optional.empty()).met()).isEmpty();
  }

  @Test
  void aFigureCanBeComparedWithAnotherOfTheSame() {
    ScenarioResult result = BenchFixtures.result(BenchFixtures.scenario("second-hop"));
    assertThat(result.rows())
        .singleElement()
        .satisfies(
            row -> {
              assertThat(row.ratio()).hasValue(1);
              assertThat(row.met()).hasValue(true);
              assertThat(row.reference()).isEqualTo("first hop");
            });
  }

  @Test
  void aScenarioHasARowForEachTarget() {
    assertThat(BenchFixtures.result(BenchFixtures.scenario("touched")).rows())
        .extracting(Row::name)
        .containsExactly("touched", "touched/bytes", "touched/bandwidth");
    assertThat(BenchFixtures.result(BenchFixtures.scenario("dirtying-100")).rows())
        .extracting(Row::name)
        .containsExactly("dirtying-100", "dirtying-100/limit");
    assertThat(BenchFixtures.result(BenchFixtures.scenario("exits")).rows())
        .extracting(Row::name)
        .containsExactly("exits", "exits/mmio");
  }
}
