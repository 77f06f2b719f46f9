package dev.ballast.tools.vm;

import dev.ballast.migration.protocol.PageCompression;

/**
 * How an outgoing migration behaves, and how long either side waits.
 *
 * @param maxBandwidth the most to send, in bytes a second; 0 is no limit
 * @param downtimeLimitMillis how long the guest may stand still at the end, in milliseconds
 * @param multifdChannels over how many connections pages go, with capability {@code multifd}
 * @param compression how pages are compressed
 * @param throttle how much a guest is slowed down that dirties memory too fast
 * @param timeouts how long to wait
 */
public record MigrationParameters(
    long maxBandwidth,
    long downtimeLimitMillis,
    int multifdChannels,
    Compression compression,
    Throttle throttle,
    Timeouts timeouts) {
  /** What holds unless somebody changes it. */
  public static final MigrationParameters DEFAULT =
      new MigrationParameters(
          0,
          300,
          2,
          new Compression(PageCompression.NONE, 1),
          new Throttle(20, 10, 99),
          new Timeouts(10_000, 30_000, 0));

  /** The longest {@link #downtimeLimitMillis}. */
  public static final long MAX_DOWNTIME_LIMIT_MILLIS = 2_000_000;

  /** The most {@link #multifdChannels}. */
  public static final int MAX_MULTIFD_CHANNELS = 64;

  /** The longest timeout, in milliseconds: a day. */
  public static final long MAX_TIMEOUT_MILLIS = 86_400_000;

  /** The largest share of the time for which vCPUs can be stopped, in percent. */
  public static final int MAX_THROTTLE_PERCENT = 99;

  /**
   * How pages are compressed, over how many connections they may go.
   *
   * @param method how
   * @param zstdLevel for {@link PageCompression#ZSTD}: 1 is the fastest, 20 the most compact
   */
  public record Compression(PageCompression method, int zstdLevel) {
    /** Checks the ranges. */
    public Compression {
      check(
          "multifd-zstd-level",
          zstdLevel,
          PageCompression.MIN_ZSTD_LEVEL,
          PageCompression.MAX_ZSTD_LEVEL);
    }
  }

  /**
   * For how much of the time vCPUs are stopped, with capability {@code auto-converge}.
   *
   * @param initialPercent at first, 1 to 99
   * @param incrementPercent more each time that this was not enough, 1 to 99
   * @param maxPercent at most, 1 to 99
   */
  public record Throttle(int initialPercent, int incrementPercent, int maxPercent) {
    /** Checks the ranges. */
    public Throttle {
      check("cpu-throttle-initial", initialPercent, 1, MAX_THROTTLE_PERCENT);
      check("cpu-throttle-increment", incrementPercent, 1, MAX_THROTTLE_PERCENT);
      check("max-cpu-throttle", maxPercent, 1, MAX_THROTTLE_PERCENT);
    }
  }

  /**
   * How long to wait, in milliseconds.
   *
   * @param connectMillis for the connection, at least 1
   * @param silenceMillis for the next byte of the other side, at least 1
   * @param totalMillis for the whole migration, until the guest is handed over; 0 is for ever
   */
  public record Timeouts(long connectMillis, long silenceMillis, long totalMillis) {
    /** Checks the ranges. */
    public Timeouts {
      check("x-connect-timeout", connectMillis, 1, MAX_TIMEOUT_MILLIS);
      check("x-silence-timeout", silenceMillis, 1, MAX_TIMEOUT_MILLIS);
      check("x-timeout", totalMillis, 0, MAX_TIMEOUT_MILLIS);
    }
  }

  /** Checks the ranges. */
  public MigrationParameters {
    check("max-bandwidth", maxBandwidth, 0, Long.MAX_VALUE);
    check("downtime-limit", downtimeLimitMillis, 0, MAX_DOWNTIME_LIMIT_MILLIS);
    check("multifd-channels", multifdChannels, 1, MAX_MULTIFD_CHANNELS);
  }

  private static void check(String name, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(name + " " + value + ": must be " + min + " to " + max);
    }
  }

  /** Returns these with another {@link #maxBandwidth}. */
  public MigrationParameters withMaxBandwidth(long bytesPerSecond) {
    return new MigrationParameters(
        bytesPerSecond, downtimeLimitMillis, multifdChannels, compression, throttle, timeouts);
  }

  /** Returns these with another {@link #downtimeLimitMillis}. */
  public MigrationParameters withDowntimeLimit(long millis) {
    return new MigrationParameters(
        maxBandwidth, millis, multifdChannels, compression, throttle, timeouts);
  }

  /** Returns these with other {@link #multifdChannels}. */
  public MigrationParameters withMultifdChannels(int channels) {
    return new MigrationParameters(
        maxBandwidth, downtimeLimitMillis, channels, compression, throttle, timeouts);
  }

  /** Returns these with another {@link #compression}. */
  public MigrationParameters withCompression(Compression next) {
    return new MigrationParameters(
        maxBandwidth, downtimeLimitMillis, multifdChannels, next, throttle, timeouts);
  }

  /** Returns these with another {@link #throttle}. */
  public MigrationParameters withThrottle(Throttle next) {
    return new MigrationParameters(
        maxBandwidth, downtimeLimitMillis, multifdChannels, compression, next, timeouts);
  }

  /** Returns these with other {@link #timeouts}. */
  public MigrationParameters withTimeouts(Timeouts next) {
    return new MigrationParameters(
        maxBandwidth, downtimeLimitMillis, multifdChannels, compression, throttle, next);
  }
}
