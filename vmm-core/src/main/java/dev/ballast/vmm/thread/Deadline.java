package dev.ballast.vmm.thread;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** The end of a wait, measured with {@link System#nanoTime}. Any thread. */
public final class Deadline {
  private static final long NANOS_PER_MILLI = 1_000_000L;

  private final long end;

  private Deadline(long end) {
    this.end = end;
  }

  /**
   * Returns the deadline that is over after a timeout.
   *
   * @param timeout counted from now; with zero it is over at once
   */
  public static Deadline after(Duration timeout) {
    return new Deadline(System.nanoTime() + timeout.toNanos());
  }

  /** Returns the deadline that is over {@code millis} milliseconds from now. */
  public static Deadline afterMillis(long millis) {
    return new Deadline(System.nanoTime() + millis * NANOS_PER_MILLI);
  }

  /** Returns whether it is over. */
  public boolean isOver() {
    return end - System.nanoTime() <= 0;
  }

  /** Returns how many milliseconds are left, rounded up; 0 once it is over. */
  public long millisLeft() {
    long left = end - System.nanoTime();
    return left <= 0 ? 0 : (left - 1) / NANOS_PER_MILLI + 1;
  }

  /**
   * Waits on a lock's monitor until a condition holds or the deadline is over. Evaluates the
   * condition again whenever the lock is notified.
   *
   * @param lock an object whose monitor this thread holds, and any thread that changes what the
   *     condition reads
   * @param condition evaluated with the lock held
   * @return whether the condition holds
   * @throws InterruptedException if this thread is interrupted while it waits
   */
  public boolean await(Object lock, BooleanSupplier condition) throws InterruptedException {
    boolean holds = condition.getAsBoolean();
    for (long left = millisLeft(); !holds && left > 0; left = millisLeft()) {
      lock.wait(left);
      holds = condition.getAsBoolean();
    }
    return holds;
  }
}
