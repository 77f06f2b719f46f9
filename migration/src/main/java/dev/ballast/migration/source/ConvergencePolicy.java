package dev.ballast.migration.source;

import java.time.Duration;

/**
 * Decides after each pass whether to stop the guest and send the rest, and how much to slow it down
 * until then. One thread decides; {@link #downtimeLimit} is for any.
 */
final class ConvergencePolicy {
  /** Assumed until a pass was long enough to be measured, in bytes a second. */
  private static final long ASSUMED_BANDWIDTH = 100 << 20;

  /** The least that a pass must send to be a measurement, in bytes. */
  private static final long MEASURABLE = 1 << 20;

  /** A pass makes no headway if more than one byte in this many that it sent is dirty again. */
  private static final long HEADWAY = 2;

  /** A rest that takes at most the limit divided by this is not worth a further pass. */
  private static final long SHORT = 16;

  /** This many passes in a row without headway raise the throttle. */
  private static final int PATIENCE = 2;

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
  private final AutoConverge autoConverge;
  private volatile Duration downtimeLimit;
  private long bytesPerSecond = ASSUMED_BANDWIDTH;
  private long sentInPass;
  private int passesWithoutHeadway;
  private int throttle;

  ConvergencePolicy(MigrationParameters parameters) {
    this.maxPasses = parameters.limits().passes();
    this.autoConverge = parameters.autoConverge();
    this.downtimeLimit = parameters.limits().downtime();
  }

  /** Changes the downtime limit. Any thread. */
  void downtimeLimit(Duration limit) {
    downtimeLimit = limit;
  }

  /** Records how many bytes a pass sent, and how long it took. */
  void measured(long bytes, long nanos) {
    sentInPass = bytes;
    if (bytes >= MEASURABLE) {
      bytesPerSecond = Math.max(1, (long) (bytes * 1e9 / Math.max(1, nanos)));
    }
  }

  /**
   * Returns how long the guest would be stopped to send the rest, in milliseconds: three quarters
   * are for pages, one is for the last sync, for what is dirtied until it, and for the devices.
   */
  long expectedMillis(long remainingBytes) {
    return (long) (remainingBytes * 1e3 / bytesPerSecond * 4 / 3);
  }

  /**
   * Decides.
   *
   * @param passes how many passes have ended
   * @param remainingBytes how many bytes are left to send
   */
  Decision decide(long passes, long remainingBytes) {
    Duration limit = downtimeLimit;
    long expected = expectedMillis(remainingBytes);
    if (expected <= limit.toMillis()) {
      // As long as passes make headway, one more costs less than the one before, and shortens the
      // downtime.
      boolean worthAnother = expected > limit.toMillis() / SHORT && makesHeadway(remainingBytes);
      return worthAnother && passes < maxPasses
          ? new Decision.AnotherPass()
          : new Decision.SwitchOver();
    }
    if (passes < maxPasses) {
      slowDown(remainingBytes);
      return new Decision.AnotherPass();
    }
    return new Decision.GiveUp(
        ("did not converge in %d passes: the guest dirties memory faster than it can be sent;"
                + " %d bytes are left, at %d bytes/s that is %d ms of downtime, the limit is %d ms; %s")
            .formatted(
                passes,
                remainingBytes,
                bytesPerSecond,
                expected,
                limit.toMillis(),
                autoConverge.enabled()
                    ? "vCPUs were stopped for " + throttle + " % of the time: raise downtime-limit"
                    : "auto-converge is off: switch it on, or raise downtime-limit"));
  }

  /** Raises the throttle when what is dirty again does not shrink. */
  private void slowDown(long remainingBytes) {
    if (!autoConverge.enabled()) {
      return;
    }
    passesWithoutHeadway = makesHeadway(remainingBytes) ? 0 : passesWithoutHeadway + 1;
    if (passesWithoutHeadway == PATIENCE) {
      passesWithoutHeadway = 0;
      throttle = autoConverge.next(throttle);
    }
  }

  private boolean makesHeadway(long remainingBytes) {
    return remainingBytes <= sentInPass / HEADWAY;
  }

  /** Returns the share of the time that vCPUs are to be stopped now, in percent. */
  int throttlePercentage() {
    return throttle;
  }
}
