package dev.ballast.migration.source;

import java.time.Duration;

/**
 * Decides after each pass whether to stop the guest and send the rest. One thread decides; {@link
 * #downtimeLimit} is for any.
 */
final class ConvergencePolicy {
  /** Assumed until a pass was long enough to be measured, in bytes a second. */
  private static final long ASSUMED_BANDWIDTH = 100 << 20;

  /** The least that a pass must send to be a measurement, in bytes. */
  private static final long MEASURABLE = 1 << 20;

  /** What to do next. */
  sealed interface Decision {
    /** Another pass. */
    record AnotherPass() implements Decision {}

    /** Stop the guest and send the rest. */
    record SwitchOver() implements Decision {}

    /**
     * Fail.
     *
     * @param reason for the user
     */
    record GiveUp(String reason) implements Decision {}
  }

  private final int maxPasses;
  private volatile Duration downtimeLimit;
  private long bytesPerSecond = ASSUMED_BANDWIDTH;

  ConvergencePolicy(MigrationParameters parameters) {
    this.maxPasses = parameters.maxPasses();
    this.downtimeLimit = parameters.downtimeLimit();
  }

  /** Changes how long the guest may be stopped. Any thread. */
  void downtimeLimit(Duration limit) {
    downtimeLimit = limit;
  }

  /** Takes note of what a pass sent, and in which time. */
  void measured(long bytes, long nanos) {
    if (bytes >= MEASURABLE) {
      bytesPerSecond = Math.max(1, (long) (bytes * 1e9 / Math.max(1, nanos)));
    }
  }

  /** Returns how long the rest would take, in milliseconds. */
  long expectedMillis(long remainingBytes) {
    return (long) (remainingBytes * 1e3 / bytesPerSecond);
  }

  /**
   * Decides.
   *
   * @param passes how many passes there were
   * @param remainingBytes what is dirty again
   */
  Decision decide(long passes, long remainingBytes) {
    Duration limit = downtimeLimit;
    long expected = expectedMillis(remainingBytes);
    if (expected <= limit.toMillis()) {
      return new Decision.SwitchOver();
    }
    if (passes < maxPasses) {
      return new Decision.AnotherPass();
    }
    return new Decision.GiveUp(
        String.format(
            "did not converge in %d passes: the guest dirties memory faster than it can be sent;"
                + " %d bytes are left, at %d bytes/s that is %d ms of downtime, the limit is %d ms",
            passes, remainingBytes, bytesPerSecond, expected, limit.toMillis()));
  }
}
