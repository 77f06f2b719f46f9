package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.bench.Measurement.Sample;
import dev.ballast.tools.qmp.QmpClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * One migration between two processes that are there, watched until it is over.
 *
 * @param workspace where
 * @param contestant whose processes
 * @param plan what the guest does
 * @param tuning how it is moved
 * @param patience how long that may take
 */
record MigrationTrial(
    Workspace workspace, Vmm contestant, GuestPlan plan, Tuning tuning, Duration patience) {
  private static final long SAMPLE_MILLIS = 20;
  private static final long MOST_SAMPLE_MILLIS = 100;

  /**
   * Moves the guest.
   *
   * @param source where it runs
   * @param destination which waits to be told where a guest comes from
   * @param name of the socket where the destination listens
   * @return what it cost
   * @throws IOException if anything fails, or the guest is not there afterwards; a migration that
   *     does not converge because the guest writes too fast is a measurement
   */
  Measurement run(VmmProcess source, VmmProcess destination, String name)
      throws IOException, InterruptedException {
    String uri = "unix:" + workspace.resolve(name);
    tuning.apply(source);
    tuning.apply(destination);
    destination.query("migrate-incoming", QmpClient.arguments().put("uri", uri));
    workspace.warm().refresh();
    List<Sample> timeline = new ArrayList<>();
    long started = System.nanoTime();
    source.query("migrate", QmpClient.arguments().put("uri", uri));
    while (true) {
      JsonNode info = source.query("query-migrate");
      double millis = (System.nanoTime() - started) / 1e6;
      timeline.add(sample(millis, info));
      String status = info.path("status").asText();
      switch (status) {
        case "completed" -> {
          new GuestWork(plan).check(destination);
          return Measurement.ofMigration(
              info.path("total-time").asDouble(),
              info.path("ram").path("transferred").asDouble(),
              info.path("downtime").asDouble(),
              (double) destination.residentBytes(),
              timeline);
        }
        case "failed", "cancelled" -> {
          String reason = status + ": " + info.path("error-desc").asText("no reason given");
          if (!contestant.failsWhenHopeless()) {
            throw new IOException(contestant.name() + ": migration " + reason);
          }
          return notEnded(reason, info, destination, timeline);
        }
        default -> {
          if (millis > (double) patience.toMillis()) {
            String reason = "not over after " + patience.toSeconds() + " s";
            return notEnded(reason, info, destination, timeline);
          }
        }
      }
      // A long migration is not held up by many questions.
      source.pause(Math.clamp((long) millis / 10, SAMPLE_MILLIS, MOST_SAMPLE_MILLIS));
    }
  }

  /** A guest that goes on to write may be too fast for a migration to end; no other may. */
  private Measurement notEnded(
      String reason, JsonNode info, VmmProcess destination, List<Sample> timeline)
      throws IOException {
    if (plan.dirtyBytesPerSecond() == 0) {
      throw new IOException(contestant.name() + ": migration " + reason);
    }
    return Measurement.ofEndlessMigration(
        reason,
        info.path("ram").path("transferred").asDouble(),
        (double) destination.residentBytes(),
        timeline);
  }

  private static Sample sample(double millis, JsonNode info) {
    JsonNode ram = info.path("ram");
    return new Sample(
        millis,
        ram.path("transferred").asDouble(),
        ram.path("remaining").asDouble(),
        ram.path("dirty-pages-rate").asDouble() * ram.path("page-size").asDouble(),
        ram.path("dirty-sync-count").asInt());
  }
}
