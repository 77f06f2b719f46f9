package dev.ballast.tools.bench;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What came out of a scenario.
 *
 * @param scenario which
 * @param ballast Ballast's part
 * @param peer the other VMM's; empty without one
 * @param physicalLimitBytesPerSecond what a plain copy through a socket reached in the same run;
 *     empty where the scenario does not ask for it
 */
public record ScenarioResult(
    Scenario scenario,
    Side ballast,
    Optional<Side> peer,
    OptionalDouble physicalLimitBytesPerSecond) {

  /** Returns a row for each target. */
  public List<Row> rows() {
    return Row.of(scenario, ballast, peer);
  }

  /** Returns Ballast's bandwidth as a part of the plain copy's; empty without one. */
  public OptionalDouble physicalLimitRatio() {
    if (physicalLimitBytesPerSecond.isEmpty()) {
      return OptionalDouble.empty();
    }
    double seconds = ballast.statistics(Metric.TIME).median() / 1000;
    double bytesPerSecond = ballast.statistics(Metric.BYTES).median() / seconds;
    return OptionalDouble.of(bytesPerSecond / physicalLimitBytesPerSecond.getAsDouble());
  }
}
