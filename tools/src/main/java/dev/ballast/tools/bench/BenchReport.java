package dev.ballast.tools.bench;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The results of a bench.
 *
 * @param started when it began
 * @param took how long it took
 * @param host where it ran
 * @param version of Ballast
 * @param peer the other VMM; empty if there was none
 * @param results of the scenarios that ran to their end
 * @param failures one line for each that did not
 * @param copyBytesPerSecond what memcpy reaches on one CPU
 * @param warmBytes how much of the free memory was kept warm for those that were measured
 * @param scaling what passes over bitmaps cost by size of the guest
 */
public record BenchReport(
    Instant started,
    Duration took,
    HostFacts host,
    String version,
    Optional<Peer> peer,
    List<ScenarioResult> results,
    List<String> failures,
    double copyBytesPerSecond,
    long warmBytes,
    BitmapScaling scaling) {
  /** Keeps copies of the lists. */
  public BenchReport {
    results = List.copyOf(results);
    failures = List.copyOf(failures);
  }

  /**
   * The other VMM.
   *
   * @param name what it is
   * @param version as it prints it
   */
  public record Peer(String name, String version) {}

  /** Returns all rows. */
  public List<Row> rows() {
    return results.stream().map(ScenarioResult::rows).flatMap(List::stream).toList();
  }

  /** Returns how many targets were met. */
  public long met() {
    return rows().stream().filter(row -> row.met().orElse(false)).count();
  }
}
