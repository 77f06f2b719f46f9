package dev.ballast.tools.bench;

import java.util.List;
import java.util.Optional;

/**
 * The part of one who took part in a scenario.
 *
 * @param name of the VMM, or of what it is measured against
 * @param setting the best of those that were tried, by the scenario's first target
 * @param tried how many settings were tried
 * @param measurements all that were made with it, at least one
 */
public record SubjectResult(
    String name, Variant setting, int tried, List<Measurement> measurements) {
  /** Keeps a copy of the measurements. */
  public SubjectResult {
    measurements = List.copyOf(measurements);
  }

  /** Returns why the first migration that did not come to an end did not; empty if all did. */
  public Optional<String> failure() {
    return measurements.stream().flatMap(m -> m.failure().stream()).findFirst();
  }

  /** Tells whether a figure was measured. */
  public boolean has(Metric metric) {
    return measurements.getFirst().has(metric);
  }

  /**
   * Returns what is to be said of a figure.
   *
   * @throws IllegalArgumentException if it was not measured
   */
  public Statistics statistics(Metric metric) {
    return Statistics.of(measurements.stream().map(m -> m.value(metric)).toList());
  }
}
