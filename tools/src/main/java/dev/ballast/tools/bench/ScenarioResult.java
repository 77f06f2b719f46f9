package dev.ballast.tools.bench;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What came out of a scenario.
 *
 * @param scenario which
 * @param ballast Ballast's part
 * @param peer the other VMM's; empty without one, and where it takes no part
 * @param baseline what a C program reached in the same run; empty where the scenario does not ask
 *     for it
 */
public record ScenarioResult(
    Scenario scenario,
    SubjectResult ballast,
    Optional<SubjectResult> peer,
    Optional<SubjectResult> baseline) {

  /** Returns a row for each target. */
  public List<Row> rows() {
    return Row.of(this);
  }

  /**
   * Returns Ballast's bandwidth as a part of what a C program moves over the same kind of socket;
   * empty where that was not measured.
   */
  public OptionalDouble physicalLimitRatio() {
    if (baseline.isEmpty() || !baseline.get().has(Metric.BANDWIDTH)) {
      return OptionalDouble.empty();
    }
    return ballast
        .statistics(Metric.BANDWIDTH)
        .ratioTo(baseline.get().statistics(Metric.BANDWIDTH).median());
  }
}
