package dev.ballast.tools.bench;

import java.util.List;
import java.util.Optional;

/**
 * The results of a subject in a scenario.
 *
 * @param name of the VMM, or of what it is measured against
 * @param variant the best of those that were tried
 * @param measurements all that were made with it, at least one
 */
public record SubjectResult(String name, Variant variant, List<Measurement> measurements) {
  /** Keeps a copy of the measurements. */
  public SubjectResult {
    measurements = List.copyOf(measurements);
  }

  /** Returns why the first migration that did not come to an end did not; empty if all did. */
  public Optional<String> failure() {
    return measurements.stream().flatMap(m -> m.failure().stream()).findFirst();
  }

  /** Returns whether a figure was measured. */
  public boolean has(Metric metric) {
    return measurements.getFirst().has(metric);
  }

  /**
   * Summarises a figure.
   *
   * @throws IllegalArgumentException if it was not measured
   */
  public Statistics statistics(Metric metric) {
    return Statistics.of(measurements.stream().map(m -> m.value(metric)).toList());
  }
}
