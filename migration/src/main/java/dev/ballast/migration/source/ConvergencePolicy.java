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

  private static final long NANOS_PER_MILLI = 1_000_000;

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
  private long stateMillis;
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
   * Records how long it takes to save the state of the vCPUs. It is counted twice, since the
   * destination takes about as long to load it.
   */
  void savingTakes(long nanos) {
    stateMillis = 2 * nanos / NANOS_PER_MILLI;
  }

  /**
   * Returns whether the state alone would keep the guest stopped for longer than the limit, so that
   * it is worth measuring again: the host may have been busy with something else.
   */
  boolean stateExceedsLimit() {
    return stateMillis > downtimeLimit.toMillis();
  }

  /** Returns how long the guest would be stopped if it were now, in milliseconds. */
  long expectedMillis(long remainingBytes) {
    return stateMillis + ramMillis(remainingBytes);
  }

  /**
   * Three quarters are for pages, one is for the last sync, for what is dirtied until it, and for
   * the devices.
   */
  private long ramMillis(long remainingBytes) {
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
      boolean worthAnother =
          ramMillis(remainingBytes) > limit.toMillis() / SHORT && makesHeadway(remainingBytes);
      return worthAnother && passes < maxPasses
          ? new Decision.AnotherPass()
          : new Decision.SwitchOver();
    }
    if (passes < maxPasses) {
      if (!stateExceedsLimit()) {
        slowDown(remainingBytes);
      }
      return new Decision.AnotherPass();
    }
    return new Decision.GiveUp(whyNot(passes, remainingBytes, expected, limit.toMillis()));
  }

  private String whyNot(long passes, long remainingBytes, long expected, long limit) {
    if (stateMillis > limit) {
      return "to save and load the state of the vCPUs takes %d ms of downtime on a host as busy as this one, the limit is %d ms: raise downtime-limit"
          .formatted(stateMillis, limit);
    }
    return ("did not converge in %d passes: the guest dirties memory faster than it can be sent;"
            + " %d bytes are left, at %d bytes/s that is %d ms of downtime%s, the limit is %d ms; %s")
        .formatted(
            passes,
            remainingBytes,
            bytesPerSecond,
            expected,
            stateMillis == 0 ? "" : ", " + stateMillis + " ms of it for the state of the vCPUs",
            limit,
            autoConverge.enabled()
                ? "vCPUs were stopped for " + throttle + " % of the time: raise downtime-limit"
                : "auto-converge is off: switch it on, or raise downtime-limit");
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
