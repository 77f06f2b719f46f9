package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Asks a machine again and again on its control socket, and measures how long answers take. */
final class ControlWatch implements AutoCloseable {
  private static final List<String> COMMANDS =
      List.of("query-status", "query-balloon", "x-query-balloon-bitmap", "query-migrate");
  private static final Duration LONGEST = Duration.ofSeconds(5);
  private static final Duration PAUSE = Duration.ofMillis(1);

  /**
   * What was measured.
   *
   * @param answers how many there were
   * @param nanos the longest wait for one, in nanoseconds
   */
  record Worst(long answers, long nanos) {
    @Override
    public String toString() {
      return "%d answers, the slowest after %.1f ms".formatted(answers, nanos / 1e6);
    }
  }

  private final QmpClient client;
  private final Thread thread = Thread.ofPlatform().name("control-watch").unstarted(this::run);
  private Worst worst = new Worst(0, 0);
  private @Nullable Exception failure;
  private volatile boolean closed;

  private ControlWatch(QmpClient client) {
    this.client = client;
  }

  /** Connects and starts to ask. */
  static ControlWatch start(Path socket) throws IOException {
    ControlWatch watch = new ControlWatch(QmpClient.connect(socket));
    watch.thread.start();
    return watch;
  }

  private void run() {
    try {
      for (int i = 0; !closed; i++) {
        long start = System.nanoTime();
        client.command(COMMANDS.get(i % COMMANDS.size()));
        add(System.nanoTime() - start);
        LockSupport.parkNanos(PAUSE.toNanos());
      }
    } catch (IOException | QmpException e) {
      failure = e;
    }
  }

  private synchronized void add(long nanos) {
    worst = new Worst(worst.answers + 1, Math.max(worst.nanos, nanos));
  }

  /** Returns the worst since the last call; fails if somebody had to wait for seconds. */
  synchronized Worst worstSince() {
    Worst result = worst;
    worst = new Worst(0, 0);
    assertThat(result.nanos).isLessThan(LONGEST.toNanos());
    return result;
  }

  @Override
  public void close() throws IOException {
    closed = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    client.close();
    worstSince();
    assertThat(failure).isNull();
  }
}
