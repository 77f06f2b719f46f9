package dev.ballast.tools.vm;

/**
 * How an outgoing migration behaves.
 *
 * @param maxBandwidth the most to send, in bytes a second; 0 is no limit
 * @param downtimeLimitMillis how long the guest may stand still at the end, in milliseconds
 */
public record MigrationParameters(long maxBandwidth, long downtimeLimitMillis) {
  /** What holds unless somebody changes it. */
  public static final MigrationParameters DEFAULT = new MigrationParameters(0, 300);

  /** The longest {@link #downtimeLimitMillis}. */
  public static final long MAX_DOWNTIME_LIMIT_MILLIS = 2_000_000;

  /** Checks the ranges. */
  public MigrationParameters {
    if (maxBandwidth < 0) {
      throw new IllegalArgumentException(
          "max-bandwidth " + maxBandwidth + ": must not be negative");
    }
    if (downtimeLimitMillis < 0 || downtimeLimitMillis > MAX_DOWNTIME_LIMIT_MILLIS) {
      throw new IllegalArgumentException(
          "downtime-limit " + downtimeLimitMillis + ": must be 0 to " + MAX_DOWNTIME_LIMIT_MILLIS);
    }
  }

  /** Returns these with another {@link #maxBandwidth}. */
  public MigrationParameters withMaxBandwidth(long bytesPerSecond) {
    return new MigrationParameters(bytesPerSecond, downtimeLimitMillis);
  }

  /** Returns these with another {@link #downtimeLimitMillis}. */
  public MigrationParameters withDowntimeLimit(long millis) {
    return new MigrationParameters(maxBandwidth, millis);
  }
}
