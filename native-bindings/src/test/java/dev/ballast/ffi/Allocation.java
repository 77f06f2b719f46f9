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
    long least = Long.MAX_VALUE;
    long start = System.nanoTime();
    while (least > 0 && System.nanoTime() - start < patienceNanos) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < times; i++) {
        code.run();
      }
      least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).as("bytes allocated by %d calls", times).isZero();
  }
}
