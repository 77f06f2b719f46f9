package dev.ballast.migration.channel;

/**
 * Limits how fast bytes are written: a token bucket that holds the bytes of a tenth of a second.
 * One thread writes; any thread changes the limit.
 */
final class BandwidthLimit {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final long TENTH = 10;
  private static final long BUCKET_NANOS = NANOS_PER_SECOND / TENTH;

  private volatile long bytesPerSecond;

  /**
   * When, by {@link System#nanoTime}, all that was written would have been written at the limit.
   */
  private long paidUntil = System.nanoTime();

  /**
   * Sets the limit.
   *
   * @param bytesPerSecond the limit; 0 is none
   */
  void set(long bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Returns how many bytes to write at most before the next {@link #pause}. */
  long atOnce() {
    long limit = bytesPerSecond;
    return limit == 0 ? Long.MAX_VALUE : atOnce(limit);
  }

  private static long atOnce(long limit) {
    return Math.max(1, limit / TENTH);
  }

  /** Records that bytes were written at {@code now}. */
  void written(long bytes, long now) {
    long limit = bytesPerSecond;
    if (limit > 0) {
      if (paidUntil - now < -BUCKET_NANOS) {
        paidUntil = now - BUCKET_NANOS;
      }
      paidUntil += (long) ((double) bytes * NANOS_PER_SECOND / limit);
    }
  }

  /**
   * Returns for how many nanoseconds from {@code now} nothing may be written; at most a second,
   * however low the limit was when the last bytes were written.
   */
  long pause(long now) {
    long limit = bytesPerSecond;
    if (limit == 0) {
      return 0;
    }
    // What was written at an old limit costs no more than what may be written at once at this one.
    long debt = (long) ((double) atOnce(limit) * NANOS_PER_SECOND / limit);
    paidUntil = Math.min(paidUntil, now + debt);
    return Math.max(0, paidUntil - now);
  }
}
