package dev.ballast.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Measures what code allocates on the heap once it is compiled. */
public final class Allocation {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Until the compiler has got to it, each downcall makes a 40-byte view of its errno segment. */
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  /** What is measured. */
  @FunctionalInterface
  public interface Code {
    /** Runs it once. */
    void run() throws Exception;
  }

  private Allocation() {}

  /** Fails unless a round of {@code times} calls comes to allocate nothing. */
  public static void assertNone(int times, Code code) throws Exception {
    assertNone(times, PATIENCE_NANOS, code);
  }

  static void assertNone(int times, long patienceNanos, Code code) throws Exception {
    assertAtMost(
        0,
        patienceNanos,
        Thread.currentThread(),
        () -> {
          for (int i = 0; i < times; i++) {
            code.run();
          }
        });
  }

  /** Fails unless a round comes to allocate at most {@code bytes}. */
  public static void assertAtMost(long bytes, Code round) throws Exception {
    assertAtMost(bytes, Thread.currentThread(), round);
  }

  /**
   * Fails unless a thread comes to allocate at most {@code bytes} during a round.
   *
   * @param thread the thread that is looked at, alive
   * @param round runs on the calling thread, and returns when the other has done its part
   */
  public static void assertAtMost(long bytes, Thread thread, Code round) throws Exception {
    assertAtMost(bytes, PATIENCE_NANOS, thread, round);
  }

  private static void assertAtMost(long bytes, long patienceNanos, Thread thread, Code round)
      throws Exception {
    long id = thread.threadId();
    long least = Long.MAX_VALUE;
    long start = System.nanoTime();
    while (least > bytes && System.nanoTime() - start < patienceNanos) {
      if (!thread.isAlive()) {
        throw new AssertionError(thread.getName() + " ended");
      }
      long before = THREADS.getThreadAllocatedBytes(id);
      round.run();
      least = Math.min(least, THREADS.getThreadAllocatedBytes(id) - before);
    }
    assertThat(least)
        .as("bytes that %s allocates in a round", thread.getName())
        .isBetween(0L, bytes);
  }
}
