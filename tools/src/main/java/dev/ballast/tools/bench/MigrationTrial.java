package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.bench.Measurement.Sample;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpProcess;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Moves a bare guest from one process to another.
 *
 * @param plan what the guest does
 * @param variant over how many connections pages go, and how they are compressed
 * @param maxBandwidth the most to send, in bytes a second
 * @param patience how long the migration may take
 */
record MigrationTrial(
    Workspace workspace,
    Vmm vmm,
    GuestPlan plan,
    Variant variant,
    long maxBandwidth,
    Duration patience) {
  /** How long a guest may stand still at the end of a migration, in milliseconds. */
  static final long DOWNTIME_LIMIT_MILLIS = 300;

  /** The time limit of a migration that converges. */
  static final Duration PATIENCE = Duration.ofMinutes(10);

  /** More than any socket here carries: QEMU's default is a limit, and neither is to have one. */
  static final long UNLIMITED = 1L << 40;

  private static final long SAMPLE_MILLIS = 20;
  private static final long MOST_SAMPLE_MILLIS = 100;

  /**
   * Boots the guest in one process, moves it to another and ends both.
   *
   * @param name of the migration, another one for each in the workspace
   * @return what {@link #move} returns; empty if this VMM has no such variant
   */
  Optional<Measurement> run(String name) throws IOException, InterruptedException {
    try (VmmProcess source = start(name + "-source", Vmm.Role.SOURCE)) {
      if (!isKnownTo(source)) {
        return Optional.empty();
      }
      plan.begin(source);
      try (VmmProcess destination = start(name + "-destination", Vmm.Role.DESTINATION)) {
        return Optional.of(move(source, destination, name));
      }
    }
  }

  /** Starts a process that has room for the guest. */
  VmmProcess start(String name, Vmm.Role role) throws IOException, InterruptedException {
    return VmmProcess.start(vmm, workspace, name, plan.memoryBytes(), role);
  }

  private boolean isKnownTo(VmmProcess process) throws IOException {
    return (variant.streams() == 1 || process.hasMultifd())
        && (variant.mode().isEmpty()
            || process.accepts("migrate-set-parameters", compressionArguments()));
  }

  /**
   * Migrates the guest, and samples the migration until it ends.
   *
   * @param name of the socket where the destination listens
   * @return its figures; a migration that does not converge because the guest writes too fast is a
   *     measurement, too
   * @throws IOException if anything fails, or the guest is not there afterwards
   */
  Measurement move(VmmProcess source, VmmProcess destination, String name)
      throws IOException, InterruptedException {
    ObjectNode uri = QmpClient.arguments().put("uri", "unix:" + workspace.resolve(name));
    tune(source);
    tune(destination);
    destination.control().query("migrate-incoming", uri);
    workspace.warmer().refresh();
    List<Sample> timeline = new ArrayList<>();
    long started = System.nanoTime();
    source.control().query("migrate", uri);
    while (true) {
      JsonNode info = source.control().query("query-migrate");
      double millis = (System.nanoTime() - started) / 1e6;
      timeline.add(sample(millis, info.path("ram")));
      boolean completed = info.path("status").asText().equals("completed");
      if (completed) {
        plan.check(destination);
      }
      Optional<String> failure = completed ? Optional.empty() : failure(info, millis);
      if (completed || failure.isPresent()) {
        return Measurement.ofMigration(
            failure,
            info.path("total-time").asDouble(),
            info.path("ram").path("transferred").asDouble(),
            info.path("downtime").asDouble(),
            (double) destination.control().residentBytes(),
            timeline);
      }
      // A long migration is not held up by many questions.
      source.control().pause(Math.clamp((long) millis / 10, SAMPLE_MILLIS, MOST_SAMPLE_MILLIS));
    }
  }

  private static Sample sample(double millis, JsonNode ram) {
    return new Sample(
        millis,
        ram.path("transferred").asDouble(),
        ram.path("remaining").asDouble(),
        ram.path("dirty-pages-rate").asDouble() * ram.path("page-size").asDouble(),
        ram.path("dirty-sync-count").asInt());
  }

  /**
   * Returns why a migration will not come to its end; empty if it still may.
   *
   * @throws IOException if that is an error: only a guest that goes on to write may be too fast
   */
  private Optional<String> failure(JsonNode info, double millis) throws IOException {
    String status = info.path("status").asText();
    boolean failed = status.equals("failed") || status.equals("cancelled");
    if (!failed && millis <= (double) patience.toMillis()) {
      return Optional.empty();
    }
    String reason =
        failed
            ? status + ": " + info.path("error-desc").asText("no reason given")
            : "not over after " + patience.toSeconds() + " s";
    // Ballast gives up a migration that cannot converge, the peer tries on.
    if (plan.dirtyBytesPerSecond() == 0 || (failed && vmm.isPeer())) {
      throw new IOException(vmm.name() + ": migration " + reason);
    }
    return Optional.of(reason);
  }

  /** Sets a process up for the migration. */
  private void tune(VmmProcess process) throws IOException {
    QmpProcess control = process.control();
    boolean several = variant.streams() > 1;
    if (several || process.hasMultifd()) {
      ObjectNode multifd = QmpClient.arguments();
      multifd
          .putArray("capabilities")
          .addObject()
          .put("capability", "multifd")
          .put("state", several);
      control.query("migrate-set-capabilities", multifd);
    }
    ObjectNode parameters =
        QmpClient.arguments()
            .put("max-bandwidth", maxBandwidth)
            .put("downtime-limit", DOWNTIME_LIMIT_MILLIS);
    if (several) {
      parameters.put("multifd-channels", variant.streams());
    }
    control.query("migrate-set-parameters", parameters);
    if (!variant.mode().isEmpty()) {
      control.query("migrate-set-parameters", compressionArguments());
    }
  }

  private ObjectNode compressionArguments() {
    return QmpClient.arguments().put("multifd-compression", variant.mode());
  }
}
