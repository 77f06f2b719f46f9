package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import dev.ballast.virtio.balloon.BalloonStatistics;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code ballast balloon}: takes memory from a guest, or gives it back. */
@Command(
    name = "balloon",
    description = {
      "Sets how much memory a guest keeps; the balloon takes the rest, and gives it back when this"
          + " grows. The guest does it in its own time.",
      "With 'query', shows how much the guest has now."
    },
    footer = {"", "Example: ballast balloon --qmp unix:/tmp/vm 400M --wait 30"},
    mixinStandardHelpOptions = true)
final class BalloonCommand implements Callable<Integer> {
  /** Said while there is no driver: the guest boots still, or has none. */
  static final String NO_DRIVER = "no driver in the guest uses the balloon yet";

  private static final String QUERY = "query";

  /** A day, in seconds. */
  private static final long MAX_WAIT = 86_400;

  private static final Duration POLL = Duration.ofMillis(100);

  @Spec private CommandSpec spec;
  @Mixin private QmpOption qmp;

  @Range(min = 0, max = MAX_WAIT, example = 30)
  @Option(
      names = "--wait",
      paramLabel = "SECONDS",
      description = "Wait until the guest is there, at most so long; fail if it is not.")
  private long wait;

  @Range(min = 0, max = BalloonStatistics.MAX_INTERVAL, example = 5)
  @Option(
      names = "--stats",
      paramLabel = "SECONDS",
      description =
          "Ask the guest about its memory every so many seconds from now on, 0 for never;"
              + " 'ballast status' shows what it says.")
  private @Nullable Long statsInterval;

  @Parameters(
      paramLabel = "SIZE|query",
      description = "Memory for the guest, for instance 400M or 1G; or 'query'.")
  private String size;

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  BalloonCommand() {}

  @Override
  public Integer call() throws IOException, QmpException, InterruptedException {
    if (size.equals(QUERY)) {
      try (QmpClient client = qmp.connect()) {
        pollStatistics(client);
        JsonNode balloon = query(client);
        print(actual(balloon));
        if (lacksDriver(balloon)) {
          System.out.println(NO_DRIVER);
        }
      }
      return 0;
    }
    long target = target();
    try (QmpClient client = qmp.connect()) {
      pollStatistics(client);
      long memory = client.command("query-memory-size-summary").path("base-memory").asLong();
      client.command("balloon", QmpClient.arguments().put("value", target));
      if (lacksDriver(query(client))) {
        System.out.println(NO_DRIVER + ": the request waits for one");
      }
      return wait > 0 ? await(client, Math.min(target, memory)) : 0;
    }
  }

  private void pollStatistics(QmpClient client) throws IOException, QmpException {
    if (statsInterval != null) {
      GuestStatistics.poll(client, statsInterval);
    }
  }

  private long target() {
    try {
      return MemorySize.parse(size).bytes();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private int await(QmpClient client, long target)
      throws IOException, QmpException, InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(wait).toNanos();
    JsonNode balloon = query(client);
    long actual = actual(balloon);
    while (actual != target && System.nanoTime() < deadline) {
      // An event comes at most once a second, and says that it is worth to look.
      client.nextEvent(POLL);
      balloon = query(client);
      actual = actual(balloon);
    }
    print(actual);
    if (actual != target) {
      throw new IOException(
          "the guest has not reached "
              + Units.bytes(target)
              + " within "
              + wait
              + " s"
              + (lacksDriver(balloon) ? ": " + NO_DRIVER : ""));
    }
    return 0;
  }

  private static JsonNode query(QmpClient client) throws IOException, QmpException {
    return client.command("query-balloon");
  }

  private static long actual(JsonNode balloon) {
    return balloon.path("actual").asLong();
  }

  /**
   * Returns whether a machine says that no driver uses its balloon; one that is older than this
   * does not say.
   */
  static boolean lacksDriver(JsonNode balloon) {
    return !balloon.path("x-driver").asBoolean(true);
  }

  private static void print(long actual) {
    System.out.println("the guest has " + Units.bytes(actual) + " (" + actual + " bytes)");
  }
}
