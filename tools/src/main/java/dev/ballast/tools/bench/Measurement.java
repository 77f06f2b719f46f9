package dev.ballast.tools.bench;

import java.util.List;
import java.util.Optional;

/**
 * What one migration cost.
 *
 * @param failure why it did not come to an end; empty if it did
 * @param totalMillis how long it took, or was let run
 * @param transferredBytes what went over the socket
 * @param downtimeMillis how long the guest stood still; infinite if it never moved
 * @param rssBytes resident memory of the destination afterwards
 * @param timeline how it went
 */
public record Measurement(
    Optional<String> failure,
    double totalMillis,
    double transferredBytes,
    double downtimeMillis,
    double rssBytes,
    List<Sample> timeline) {
  /** Keeps a copy of the time line. */
  public Measurement {
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

  /**
   * Returns one of the figures, in the metric's unit; infinite times if it did not come to an end.
   */
  public double value(Metric metric) {
    return switch (metric) {
      case TIME -> failure.isPresent() ? Double.POSITIVE_INFINITY : totalMillis;
      case BYTES -> transferredBytes;
      case DOWNTIME -> failure.isPresent() ? Double.POSITIVE_INFINITY : downtimeMillis;
      case RSS -> rssBytes;
    };
  }
}
