package dev.ballast.vmm.machine;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** Limits how often a guest-caused event passes. Any thread. */
final class RateLimit {
  private final long intervalNanos;
  private final AtomicLong count = new AtomicLong();
  private final AtomicLong lastNanos;

  /**
   * @param interval the least time between two that pass
   */
  RateLimit(Duration interval) {
    intervalNanos = interval.toNanos();
    lastNanos = new AtomicLong(System.nanoTime() - intervalNanos);
  }

  /** Counts an event, and returns whether it passes. Does not allocate. */
  boolean pass() {
    count.incrementAndGet();
    long now = System.nanoTime();
    long last = lastNanos.get();
    return now - last >= intervalNanos && lastNanos.compareAndSet(last, now);
  }

  /** Returns how many there were, passed or not. */
  long count() {
    return count.get();
  }
}
