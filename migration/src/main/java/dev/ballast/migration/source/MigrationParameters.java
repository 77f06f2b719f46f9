package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import java.time.Duration;

/**
 * How to migrate.
 *
 * @param maxBandwidth bytes a second while the guest runs; 0 is no limit
 * @param downtimeLimit how long the guest may be stopped, as far as that can be foreseen
 * @param maxPasses after how many passes without hope of the downtime limit the migration fails
 * @param skipBalloon whether ballooned pages are left out where that is possible
 * @param verify whether both sides compare digests of all memory before the guest moves
 * @param pageChecksums whether each page carries a checksum on its way through a network; one that
 *     stays in the memory of this host needs none
 * @param streams over how many connections besides its own the pages go, 0 to {@link
 *     StreamSetup#MAX_COUNT}
 * @param compression how pages are compressed, over whichever connection they go; the destination
 *     must speak protocol version 4
 * @param zstdLevel for {@link PageCompression#ZSTD}, {@link PageCompression#MIN_ZSTD_LEVEL} to
 *     {@link PageCompression#MAX_ZSTD_LEVEL}
 * @param connectTimeout how long to wait for the connection
 * @param silenceTimeout how long the other side may be silent
 * @param timeout how long the whole may take until the guest is handed over; zero is for ever
 * @param autoConverge how a guest that dirties memory too fast is slowed down
 * @param maxProtocolVersion the newest protocol version to offer
 */
public record MigrationParameters(
    long maxBandwidth,
    Duration downtimeLimit,
    int maxPasses,
    boolean skipBalloon,
    boolean verify,
    boolean pageChecksums,
    int streams,
    PageCompression compression,
    int zstdLevel,
    Duration connectTimeout,
    Duration silenceTimeout,
    Duration timeout,
    AutoConverge autoConverge,
    int maxProtocolVersion) {
  /** No bandwidth limit, 300 ms of downtime, skip-balloon, checksums, no digests. */
  public static final MigrationParameters DEFAULTS = new Builder().build();

  /** Returns whether pages carry checksums on their way to an address. */
  boolean pageChecksumsTo(MigrationUri uri) {
    return pageChecksums && !uri.isLocal();
  }

  /** Checks the ranges. */
  public MigrationParameters {
    if (maxBandwidth < 0 || downtimeLimit.isNegative() || maxPasses < 1) {
      throw new IllegalArgumentException(
          "max-bandwidth and downtime-limit are at least 0, the number of passes at least 1");
    }
    if (streams < 0 || streams > StreamSetup.MAX_COUNT) {
      throw new IllegalArgumentException(
          "the number of streams is 0 to " + StreamSetup.MAX_COUNT + ", not " + streams);
    }
    if (zstdLevel < PageCompression.MIN_ZSTD_LEVEL || zstdLevel > PageCompression.MAX_ZSTD_LEVEL) {
      throw new IllegalArgumentException(
          "the level of zstd is 1 to " + PageCompression.MAX_ZSTD_LEVEL + ", not " + zstdLevel);
    }
    if (connectTimeout.toMillis() < 1 || silenceTimeout.toMillis() < 1) {
      throw new IllegalArgumentException("timeouts are at least a millisecond");
    }
    if (timeout.isNegative()) {
      throw new IllegalArgumentException("the timeout of the whole is at least 0");
    }
    if (maxProtocolVersion < Protocol.MIN_VERSION || maxProtocolVersion > Protocol.MAX_VERSION) {
      throw new IllegalArgumentException("no protocol version " + maxProtocolVersion);
    }
  }

  /** Returns a builder that starts with these values. */
  public Builder edit() {
    Builder builder = new Builder();
    builder.maxBandwidth = maxBandwidth;
    builder.downtimeLimit = downtimeLimit;
    builder.maxPasses = maxPasses;
    builder.skipBalloon = skipBalloon;
    builder.verify = verify;
    builder.pageChecksums = pageChecksums;
    builder.streams = streams;
    builder.compression = compression;
    builder.zstdLevel = zstdLevel;
    builder.connectTimeout = connectTimeout;
    builder.silenceTimeout = silenceTimeout;
    builder.timeout = timeout;
    builder.autoConverge = autoConverge;
    builder.maxProtocolVersion = maxProtocolVersion;
    return builder;
  }

  /** Changes some values. One thread. */
  public static final class Builder {
    private long maxBandwidth;
    private Duration downtimeLimit = Duration.ofMillis(300);
    private int maxPasses = 100;
    private boolean skipBalloon = true;
    private boolean verify;
    private boolean pageChecksums = true;
    private int streams;
    private PageCompression compression = PageCompression.NONE;
    private int zstdLevel = PageCompression.MIN_ZSTD_LEVEL;
    private Duration connectTimeout = Duration.ofSeconds(10);
    private Duration silenceTimeout = Duration.ofSeconds(30);
    private Duration timeout = Duration.ZERO;
    private AutoConverge autoConverge = AutoConverge.OFF;
    private int maxProtocolVersion = Protocol.MAX_VERSION;

    private Builder() {}

    /** Sets the bandwidth limit in bytes a second; 0 is none. */
    public Builder maxBandwidth(long value) {
      maxBandwidth = value;
      return this;
    }

    /** Sets the downtime limit. */
    public Builder downtimeLimit(Duration value) {
      downtimeLimit = value;
      return this;
    }

    /** Sets the limit of passes. */
    public Builder maxPasses(int value) {
      maxPasses = value;
      return this;
    }

    /** Turns the capability {@code skip-balloon} on or off. */
    public Builder skipBalloon(boolean value) {
      skipBalloon = value;
      return this;
    }

    /** Turns digests on or off. */
    public Builder verify(boolean value) {
      verify = value;
      return this;
    }

    /** Turns checksums of pages on or off. */
    public Builder pageChecksums(boolean value) {
      pageChecksums = value;
      return this;
    }

    /** Sets over how many connections besides its own the pages go. */
    public Builder streams(int value) {
      streams = value;
      return this;
    }

    /** Sets how pages are compressed. */
    public Builder compression(PageCompression value) {
      compression = value;
      return this;
    }

    /** Sets the level of {@link PageCompression#ZSTD}. */
    public Builder zstdLevel(int value) {
      zstdLevel = value;
      return this;
    }

    /** Sets how long to wait for the connection. */
    public Builder connectTimeout(Duration value) {
      connectTimeout = value;
      return this;
    }

    /** Sets how long the other side may be silent. */
    public Builder silenceTimeout(Duration value) {
      silenceTimeout = value;
      return this;
    }

    /** Sets how long the whole may take; zero is for ever. */
    public Builder timeout(Duration value) {
      timeout = value;
      return this;
    }

    /** Sets how a guest that dirties memory too fast is slowed down. */
    public Builder autoConverge(AutoConverge value) {
      autoConverge = value;
      return this;
    }

    /** Sets the newest protocol version to offer. */
    public Builder maxProtocolVersion(int value) {
      maxProtocolVersion = value;
      return this;
    }

    /** Returns the parameters. */
    public MigrationParameters build() {
      return new MigrationParameters(
          maxBandwidth,
          downtimeLimit,
          maxPasses,
          skipBalloon,
          verify,
          pageChecksums,
          streams,
          compression,
          zstdLevel,
          connectTimeout,
          silenceTimeout,
          timeout,
          autoConverge,
          maxProtocolVersion);
    }
  }
}
