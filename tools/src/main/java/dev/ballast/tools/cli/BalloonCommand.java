package dev.ballast.tools.cli;

import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
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
  private static final String QUERY = "query";
  private static final Duration POLL = Duration.ofMillis(100);

  @Spec private CommandSpec spec;
  @Mixin private QmpOption qmp;

  @Option(
      names = "--wait",
      paramLabel = "SECONDS",
      description = "Wait until the guest is there, at most so long; fail if it is not.")
  private long wait;

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
        print(actual(client));
      }
      return 0;
    }
    long target = target();
    try (QmpClient client = qmp.connect()) {
      pollStatistics(client);
      long memory = client.command("query-memory-size-summary").path("base-memory").asLong();
      client.command("balloon", QmpClient.arguments().put("value", target));
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
    long actual = actual(client);
    while (actual != target && System.nanoTime() < deadline) {
      // An event comes at most once a second, and says that it is worth to look.
      client.nextEvent(POLL);
      actual = actual(client);
    }
    print(actual);
    if (actual != target) {
      throw new IOException(
          "the guest has not reached " + Units.bytes(target) + " within " + wait + " s");
    }
    return 0;
  }

  private static long actual(QmpClient client) throws IOException, QmpException {
    return client.command("query-balloon").path("actual").asLong();
  }

  private static void print(long actual) {
    System.out.println("the guest has " + Units.bytes(actual) + " (" + actual + " bytes)");
  }
}
