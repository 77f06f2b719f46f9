package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ballast migrate}: moves a running guest to another process. */
@Command(
    name = "migrate",
    description = {
      "Moves a guest to a machine that waits for it (ballast run --incoming), while it runs.",
      "Shows how it goes. Ctrl-C cancels, and the guest stays where it is."
    },
    footer = {
      "",
      "Exit code: 0 the guest has moved; 1 it has not, and goes on here, or it was handed over and"
          + " the destination did not confirm that it runs there: the message says which; 2 wrong usage;"
          + " 130 after Ctrl-C.",
      "",
      "Example: ballast migrate --qmp unix:/tmp/a unix:/tmp/b.migration"
    },
    mixinStandardHelpOptions = true)
final class MigrateCommand implements Callable<Integer> {
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration CANCEL_TIMEOUT = Duration.ofSeconds(10);
  private static final long MILLIS = 1000;
  private static final Set<String> FINAL = Set.of("completed", "failed", "cancelled");

  /** A switch in words. */
  enum OnOff {
    ON,
    OFF
  }

  @Mixin private QmpOption qmp;

  @Parameters(
      paramLabel = "URI",
      converter = UnixSocketPath.UriConverter.class,
      description = "Where to: unix:PATH or tcp:HOST:PORT.")
  private String uri;

  @Option(
      names = "--skip-balloon",
      paramLabel = "on|off",
      description =
          "Leave out what is in the balloon (default: as the machine is set, on at first).")
  private @Nullable OnOff skipBalloon;

  @Option(
      names = "--verify",
      description = "Let both sides hash all memory outside the balloon, and compare.")
  private boolean verify;

  @SetsParameter(value = "max-bandwidth", zero = "no limit")
  @Option(
      names = "--max-bandwidth",
      paramLabel = "SIZE",
      converter = MemorySize.Converter.class,
      description = "Send at most so much a second, for instance 100M (default: {default}).")
  private @Nullable MemorySize maxBandwidth;

  @SetsParameter(value = "downtime-limit", example = 300)
  @Option(
      names = "--downtime-limit",
      paramLabel = "MS",
      description = "Stop the guest once the rest takes so long, {range} (default: {default}).")
  private @Nullable Long downtimeLimit;

  @SetsParameter(value = "x-timeout", unit = MILLIS, zero = "never", example = 60)
  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description =
          "Give up when the guest is not handed over after this time, {range}; 0 is never"
              + " (default: {default}).")
  private @Nullable Long timeout;

  @SetsParameter(value = "x-connect-timeout", unit = MILLIS, example = 10)
  @Option(
      names = "--connect-timeout",
      paramLabel = "SECONDS",
      description = "Give up when nobody answers for this time, {range} (default: {default}).")
  private @Nullable Long connectTimeout;

  @SetsParameter(value = "x-silence-timeout", unit = MILLIS, example = 30)
  @Option(
      names = "--silence-timeout",
      paramLabel = "SECONDS",
      description =
          "Give up when the other side is silent for this time, {range} (default: {default}).")
  private @Nullable Long silenceTimeout;

  @Option(
      names = "--auto-converge",
      paramLabel = "on|off",
      description =
          "Slow the guest down while it dirties memory faster than it can be sent"
              + " (default: as the machine is set, off at first).")
  private @Nullable OnOff autoConverge;

  @SetsParameter(value = "multifd-channels", example = 4)
  @Option(
      names = "--multifd",
      paramLabel = "N",
      description = "Send pages over so many connections, {range} (default: over the one).")
  private @Nullable Integer multifd;

  @SetsParameter("multifd-compression")
  @Option(
      names = "--compress",
      paramLabel = "none|lz4|zstd",
      description =
          "Compress pages, over however many connections: lz4 takes less time, zstd fewer bytes"
              + " (default: as the machine is set, {default} at first).")
  private @Nullable PageCompression compression;

  @Option(
      names = "--json",
      description = "Print the final numbers as one JSON object, and no progress.")
  private boolean json;

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  MigrateCommand() {}

  @Override
  public Integer call() throws IOException, QmpException, InterruptedException {
    MigrationDisplay display = new MigrationDisplay(json);
    try (QmpClient client = qmp.connect()) {
      configure(client);
      CountDownLatch over = new CountDownLatch(1);
      Thread onInterrupt = new Thread(() -> cancelAndWait(client, over));
      client.command("migrate", QmpClient.arguments().put("uri", uri));
      Runtime.getRuntime().addShutdownHook(onInterrupt);
      try {
        JsonNode result = follow(client, display);
        display.clear();
        return report(client, result);
      } finally {
        over.countDown();
        removeHook(onInterrupt);
      }
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The hook is what ended the migration: Java is shutting down already, and that is all right.
      return;
    }
  }

  private void configure(QmpClient client) throws IOException, QmpException {
    ObjectNode arguments = QmpClient.arguments();
    ArrayNode capabilities = arguments.putArray("capabilities");
    capabilities.addObject().put("capability", "x-verify").put("state", verify);
    if (skipBalloon != null) {
      capabilities
          .addObject()
          .put("capability", "skip-balloon")
          .put("state", skipBalloon == OnOff.ON);
    }
    if (autoConverge != null) {
      capabilities
          .addObject()
          .put("capability", "auto-converge")
          .put("state", autoConverge == OnOff.ON);
    }
    if (multifd != null) {
      capabilities.addObject().put("capability", "multifd").put("state", true);
    }
    client.command("migrate-set-capabilities", arguments);
    ObjectNode parameters = QmpClient.arguments();
    if (maxBandwidth != null) {
      parameters.put("max-bandwidth", maxBandwidth.bytes());
    }
    if (downtimeLimit != null) {
      parameters.put("downtime-limit", downtimeLimit);
    }
    if (connectTimeout != null) {
      parameters.put("x-connect-timeout", connectTimeout * MILLIS);
    }
    if (silenceTimeout != null) {
      parameters.put("x-silence-timeout", silenceTimeout * MILLIS);
    }
    if (multifd != null) {
      parameters.put("multifd-channels", multifd);
    }
    if (compression != null) {
      parameters.put("multifd-compression", compression.qmpName());
    }
    parameters.put("x-timeout", timeout == null ? 0 : timeout * MILLIS);
    client.command("migrate-set-parameters", parameters);
  }

  /** Shows the migration until it has ended; returns the last answer to query-migrate. */
  private JsonNode follow(QmpClient client, MigrationDisplay display)
      throws IOException, QmpException, InterruptedException {
    JsonNode info = client.command("query-migrate");
    while (!FINAL.contains(info.path("status").asText())) {
      display.show(info);
      client.nextEvent(POLL);
      info = client.command("query-migrate");
    }
    return info;
  }

  /**
   * What Ctrl-C does, on a thread of Java's shutdown: the command itself goes on until it is over.
   */
  private static void cancelAndWait(QmpClient client, CountDownLatch over) {
    try {
      System.err.println("\nballast: cancelling the migration");
      client.command("migrate_cancel");
      if (!over.await(CANCEL_TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
        System.err.println("ballast: the machine has not cancelled the migration yet");
      }
    } catch (IOException | QmpException e) {
      System.err.println("ballast: cannot cancel the migration: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private int report(QmpClient client, JsonNode info) throws IOException, QmpException {
    String error = info.path("error-desc").asText();
    if (json) {
      System.out.println(info.toPrettyString());
    } else {
      System.out.print(new MigrationSummary(info).text());
    }
    if (info.path("status").asText().equals("completed")) {
      return 0;
    }
    ErrorReporter.hint(error).ifPresent(hint -> System.err.println("ballast: " + hint));
    System.err.println(
        "ballast: " + whereTheGuestIs(client.command("query-status").path("status").asText()));
    return ErrorReporter.FAILED;
  }

  /**
   * Says where the guest is after a migration that did not complete.
   *
   * @param status what the machine here is now
   */
  static String whereTheGuestIs(String status) {
    return status.equals(RunState.POSTMIGRATE.qmpName())
        ? "the guest was handed over, but the destination did not confirm it: look for it there;"
            + " it does not run here any more. Only if it does not run there either, let it go on"
            + " here with 'ballast cont'"
        : "the guest has not moved; the machine here is " + status;
  }
}
