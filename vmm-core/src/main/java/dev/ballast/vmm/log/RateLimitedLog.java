package dev.ballast.vmm.log;

import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;

/**
 * Logs warnings that a guest can cause at any rate: at most one line per second, with the number of
 * those left out. Any thread.
 */
public final class RateLimitedLog {
  private static final long INTERVAL_NANOS = 1_000_000_000L;

  private final Logger logger;
  private final String device;
  private final AtomicLong total = new AtomicLong();
  private final AtomicLong logged = new AtomicLong();
  private final AtomicLong lastNanos = new AtomicLong(System.nanoTime() - INTERVAL_NANOS);

  /**
   * @param logger where the lines go
   * @param device what each line starts with
   */
  public RateLimitedLog(Logger logger, String device) {
    this.logger = logger;
    this.device = device;
  }

  /** Counts a warning, and writes it unless another was written less than a second ago. */
  public void warn(String message) {
    long count = total.incrementAndGet();
    long now = System.nanoTime();
    long last = lastNanos.get();
    if (now - last >= INTERVAL_NANOS && lastNanos.compareAndSet(last, now)) {
      long left = count - logged.getAndSet(count) - 1;
      logger.warn("{}: {}{}", device, message, left > 0 ? " (and " + left + " before)" : "");
    }
  }

  /** Returns how many warnings there were, written or not. */
  public long count() {
    return total.get();
  }
}
