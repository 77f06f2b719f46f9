package dev.ballast.tools.bench;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The result of one trial.
 *
 * @param failure why a migration did not come to an end; empty if it did, and for all else
 * @param values the figures, each in its metric's unit; a time is infinite if there is a failure
 * @param timeline how a migration went; empty for all else
 */
public record Measurement(
    Optional<String> failure, Map<Metric, Double> values, List<Sample> timeline) {
  /** Keeps copies. */
  public Measurement {
    EnumMap<Metric, Double> copy = new EnumMap<>(Metric.class);
    copy.putAll(values);
    values = Collections.unmodifiableMap(copy);
    timeline = List.copyOf(timeline);
  }

  /**
   * A moment of a migration.
   *
   * @param millis since it began
   * @param transferredBytes what had gone over the socket by then
   * @param remainingBytes what was still to send
   * @param dirtyBytesPerSecond how fast the guest wrote, by the last look at the dirty log
   * @param pass which look that was, from 1
   */
  public record Sample(
      double millis,
      double transferredBytes,
      double remainingBytes,
      double dirtyBytesPerSecond,
      int pass) {}

  static Measurement of(Metric metric, double value) {
    return of(Map.of(metric, value));
  }

  static Measurement of(Map<Metric, Double> values) {
    return new Measurement(Optional.empty(), values, List.of());
  }

  /** Returns the measurement of a migration; the time of one that did not end is infinite. */
  static Measurement ofMigration(
      Optional<String> failure,
      double totalMillis,
      double transferredBytes,
      double downtimeMillis,
      double rssBytes,
      List<Sample> timeline) {
    double never = Double.POSITIVE_INFINITY;
    double total = failure.isPresent() ? never : totalMillis;
    Map<Metric, Double> values =
        Map.of(
            Metric.TIME, total,
            Metric.BYTES, transferredBytes,
            Metric.DOWNTIME, failure.isPresent() ? never : downtimeMillis,
            Metric.RSS, rssBytes,
            // No migration takes no time, but query-migrate counts whole milliseconds.
            Metric.BANDWIDTH, transferredBytes / Math.max(total, 1) * 1000);
    return new Measurement(failure, values, timeline);
  }

  /** Returns this measurement with one more figure. */
  Measurement with(Metric metric, double value) {
    EnumMap<Metric, Double> more = new EnumMap<>(values);
    more.put(metric, value);
    return new Measurement(failure, more, timeline);
  }

  /** Returns whether a figure was measured. */
  public boolean has(Metric metric) {
    return values.containsKey(metric);
  }

  /**
   * Returns one of the figures, in the metric's unit.
   *
   * @throws IllegalArgumentException if it was not measured
   */
  public double value(Metric metric) {
    Double value = values.get(metric);
    if (value == null) {
      throw new IllegalArgumentException(metric.label() + " was not measured");
    }
    return value;
  }
}
