package dev.ballast.vmm.thread;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** A point in time up to which something is waited for, by {@link System#nanoTime}. Any thread. */
public final class Deadline {
  private static final long NANOS_PER_MILLI = 1_000_000L;

  private final long end;

  private Deadline(long end) {
    this.end = end;
  }

  /**
   * Returns the deadline that comes after a time.
   *
   * @param timeout from now on; zero is now
   */
  public static Deadline after(Duration timeout) {
    return new Deadline(System.nanoTime() + timeout.toNanos());
  }

  /** Returns the deadline that comes after {@code millis} milliseconds. */
  public static Deadline afterMillis(long millis) {
    return new Deadline(System.nanoTime() + millis * NANOS_PER_MILLI);
  }

  /** Returns whether it has come. */
  public boolean isOver() {
    return end - System.nanoTime() <= 0;
  }

  /** Returns how many milliseconds are left, rounded up; 0 once it has come. */
  public long millisLeft() {
    long left = end - System.nanoTime();
    return left <= 0 ? 0 : (left - 1) / NANOS_PER_MILLI + 1;
  }

  /**
   * Waits on a lock until a condition holds or the deadline has come, whichever is first. Looks
   * again whenever the lock is notified.
   *
   * @param lock held by this thread, and by those that change what the condition reads
   * @param condition evaluated with the lock held
   * @return whether the condition holds
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
