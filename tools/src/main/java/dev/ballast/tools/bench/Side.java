package dev.ballast.tools.bench;

import java.util.List;

/**
 * One VMM's part in a scenario.
 *
 * @param name of the VMM
 * @param setting the best of those that were tried, by the scenario's first target
 * @param tried how many settings were tried
 * @param measurements all that were made with it, at least one
 */
public record Side(String name, Setting setting, int tried, List<Measurement> measurements) {
  /** Keeps a copy of the measurements. */
  public Side {
    measurements = List.copyOf(measurements);
  }

  /** Returns what is to be said of a figure. */
  public Statistics statistics(Metric metric) {
    return Statistics.of(measurements.stream().map(m -> m.value(metric)).toList());
  }
}
