package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.bench.GuestPlan.Fill;
import dev.ballast.tools.bench.Measurement.Sample;
import dev.ballast.tools.qmp.QmpClient;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Boots the bare guest in one process, moves it to another and ends both.
 *
 * @param directory for sockets and messages, empty
 * @param kernel the bare guest
 * @param contestant whose processes
 */
record MigrationRun(Path directory, Path kernel, Contestant contestant) {
  private static final Duration SOON = Duration.ofMinutes(1);
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final long SAMPLE_MILLIS = 20;

  /** More than any socket here carries: QEMU's default is a limit, and neither is to have one. */
  private static final long NO_BANDWIDTH_LIMIT = 1L << 40;

  private static final long SEED = 1;
  private static final long PROBE_BYTES = 16 * GuestPlan.MIB;

  /**
   * Measures one migration.
   *
   * @param scenario which
   * @param setting how
   * @return what it cost; empty if this VMM has no such setting
   * @throws IOException if anything fails, or the guest is not there afterwards; a migration that
   *     does not converge because the guest writes too fast is a measurement
   */
  Optional<Measurement> run(Scenario scenario, Setting setting)
      throws IOException, InterruptedException {
    GuestPlan plan = contestant.guest(scenario);
    try (VmmProcess source = start(plan, Contestant.Role.SOURCE)) {
      if (setting.streams() > 1 && !source.hasMultifd()) {
        return Optional.empty();
      }
      source.console().awaitReady(SOON);
      prepare(source, plan);
      try (VmmProcess destination = start(plan, Contestant.Role.DESTINATION)) {
        return Optional.of(migrate(scenario, plan, setting, source, destination));
      }
    }
  }

  private VmmProcess start(GuestPlan plan, Contestant.Role role)
      throws IOException, InterruptedException {
    return VmmProcess.start(contestant, directory, kernel, plan.memoryBytes(), role);
  }

  private static void prepare(VmmProcess vmm, GuestPlan plan)
      throws IOException, InterruptedException {
    Fill fill = plan.fill();
    String range = fill.start() + " " + fill.bytes();
    if (fill.bytes() > 0) {
      vmm.console().send("fill " + range + " " + SEED, LONG);
    }
    if (plan.balloonBytes() > 0) {
      if (fill.bytes() > 0) {
        vmm.console().send("free " + range, SOON);
      }
      vmm.balloon(plan.memoryBytes() - plan.balloonBytes(), LONG);
    }
    if (plan.dirtyBytesPerSecond() > 0) {
      vmm.console().send("dirty " + range + " " + plan.dirtyBytesPerSecond(), SOON);
    }
  }

  private Measurement migrate(
      Scenario scenario, GuestPlan plan, Setting setting, VmmProcess source, VmmProcess destination)
      throws IOException, InterruptedException {
    String uri = "unix:" + directory.resolve("migration");
    configure(source, setting);
    configure(destination, setting);
    destination.query("migrate-incoming", QmpClient.arguments().put("uri", uri));
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
          makeSureThatTheGuestIsThere(plan, destination);
          return measurement(Optional.empty(), info, destination.residentBytes(), timeline);
        }
        case "failed", "cancelled" -> {
          String reason = status + ": " + info.path("error-desc").asText("no reason given");
          if (!contestant.failsWhenHopeless()) {
            throw new IOException(contestant.name() + ": migration " + reason);
          }
          return notEnded(scenario, reason, info, destination, timeline);
        }
        default -> {
          if (millis > scenario.patience().toMillis()) {
            String reason = "not over after " + scenario.patience().toSeconds() + " s";
            return notEnded(scenario, reason, info, destination, timeline);
          }
        }
      }
      source.pause(SAMPLE_MILLIS);
    }
  }

  /** A guest that goes on to write may be too fast for a migration to end; no other may. */
  private Measurement notEnded(
      Scenario scenario,
      String reason,
      JsonNode info,
      VmmProcess destination,
      List<Sample> timeline)
      throws IOException {
    if (contestant.guest(scenario).dirtyBytesPerSecond() == 0) {
      throw new IOException(contestant.name() + ": migration " + reason);
    }
    return measurement(Optional.of(reason), info, destination.residentBytes(), timeline);
  }

  private static void configure(VmmProcess vmm, Setting setting) throws IOException {
    boolean several = setting.streams() > 1;
    if (several || vmm.hasMultifd()) {
      vmm.query("migrate-set-capabilities", setting.capabilities());
    }
    if (several) {
      vmm.query(
          "migrate-set-parameters",
          QmpClient.arguments().put("multifd-channels", setting.streams()));
    }
    vmm.query(
        "migrate-set-parameters",
        QmpClient.arguments()
            .put("max-bandwidth", NO_BANDWIDTH_LIMIT)
            .put("downtime-limit", Scenario.DOWNTIME_LIMIT_MILLIS));
  }

  /** Asks the guest at its new place, and has it look at some of what it wrote. */
  private static void makeSureThatTheGuestIsThere(GuestPlan plan, VmmProcess destination)
      throws IOException, InterruptedException {
    destination.console().send("count", SOON);
    Fill fill = plan.fill();
    if (plan.dirtyBytesPerSecond() > 0) {
      destination.console().send("stop", SOON);
      destination.console().send("check-dirty", LONG);
    } else if (fill.bytes() > 0 && plan.balloonBytes() == 0) {
      destination.console().send("check " + fill.start() + " " + PROBE_BYTES + " " + SEED, SOON);
    }
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

  private static Measurement measurement(
      Optional<String> failure, JsonNode info, long residentBytes, List<Sample> timeline) {
    JsonNode ram = info.path("ram");
    return new Measurement(
        failure,
        info.path("total-time").asDouble(),
        ram.path("transferred").asDouble(),
        failure.isPresent() ? Double.POSITIVE_INFINITY : info.path("downtime").asDouble(),
        residentBytes,
        timeline);
  }
}
