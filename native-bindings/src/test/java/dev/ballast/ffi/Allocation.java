package dev.ballast.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Measures what code allocates on the heap once it is compiled. */
public final class Allocation {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int ROUNDS = 40;

  /** What is measured. */
  @FunctionalInterface
  public interface Code {
    /** Runs it once. */
    void run() throws Exception;
  }

  private Allocation() {}

  /** Fails unless, within a number of rounds, a round of {@code times} calls allocates nothing. */
  public static void assertNone(int times, Code code) throws Exception {
    long least = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && least > 0; round++) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < times; i++) {
        code.run();
      }
      least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).as("bytes allocated by %d calls", times).isZero();
  }
}
