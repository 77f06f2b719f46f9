package dev.ballast.tools.bench;

import dev.ballast.tools.bench.Target.Baseline;
import dev.ballast.tools.bench.Target.Limit;
import dev.ballast.tools.bench.Target.Own;
import dev.ballast.tools.bench.Target.Peer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The results of a scenario.
 *
 * @param scenario which
 * @param ballast Ballast's part
 * @param peer the other VMM's; empty without one, and where it takes no part
 * @param baseline the C program's; empty where the scenario does not ask for it
 */
public record ScenarioResult(
    Scenario scenario,
    SubjectResult ballast,
    Optional<SubjectResult> peer,
    Optional<SubjectResult> baseline) {

  /** Returns a row for each target. */
  public List<Row> rows() {
    return scenario.targets().stream()
        .map(t -> new Row(name(t), t, ballast.statistics(t.metric()), beside(t)))
        .toList();
  }

  private String name(Target target) {
    if (target.equals(scenario.targets().getFirst())) {
      return scenario.name();
    }
    boolean limit = target.reference() instanceof Limit;
    return scenario.name() + "/" + (limit ? "limit" : target.metric().label());
  }

  private Optional<Row.Beside> beside(Target target) {
    return switch (target.reference()) {
      case Peer _, Limit _ -> beside(peer, target.metric());
      case Baseline _ -> beside(baseline, target.metric());
      case Own(Metric own) -> Optional.of(new Row.Beside(own.label(), ballast.statistics(own)));
    };
  }

  private static Optional<Row.Beside> beside(Optional<SubjectResult> result, Metric metric) {
    return result.map(r -> new Row.Beside(r.name(), r.statistics(metric)));
  }

  /**
   * Returns Ballast's bandwidth as a part of what a C program moves over the same kind of socket;
   * empty where that was not measured.
   */
  public OptionalDouble physicalLimitRatio() {
    Metric bandwidth = Metric.BANDWIDTH;
    return baseline.isPresent() && baseline.get().has(bandwidth)
        ? ballast.statistics(bandwidth).ratioTo(baseline.get().statistics(bandwidth).median())
        : OptionalDouble.empty();
  }
}
