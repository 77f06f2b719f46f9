package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import java.time.Duration;

/**
 * The parameters of a migration. {@link MigrationParameter} has the names and ranges of those that
 * users set.
 *
 * @param limits how much the migration may cost
 * @param pages which pages go, and how they are checked
 * @param multifd whether pages go over connections of their own
 * @param compression how pages are compressed, over whichever connection they go
 * @param autoConverge how a guest that dirties memory too fast is slowed down
 * @param timeouts how long to wait
 * @param maxProtocolVersion the newest protocol version to offer
 */
public record MigrationParameters(
    Limits limits,
    Pages pages,
    Multifd multifd,
    Compression compression,
    AutoConverge autoConverge,
    Timeouts timeouts,
    int maxProtocolVersion) {
  /** The defaults. */
  public static final MigrationParameters DEFAULT =
      new MigrationParameters(
          new Limits(0, Duration.ofMillis(300), 100),
          new Pages(true, true, false),
          new Multifd(false, 2),
          new Compression(PageCompression.NONE, PageCompression.MIN_ZSTD_LEVEL),
          new AutoConverge(false, 20, 10, 99),
          new Timeouts(Duration.ofSeconds(10), Duration.ofSeconds(30), Duration.ZERO),
          Protocol.MAX_VERSION);

  /**
   * How much a migration may cost.
   *
   * @param bandwidth bytes per second while the guest runs; 0 is no limit
   * @param downtime how long the guest may be stopped, as far as that can be foreseen
   * @param passes number of passes after which the migration fails if the downtime limit is still
   *     out of reach, at least 1
   */
  public record Limits(long bandwidth, Duration downtime, int passes) {}

  /**
   * Which pages go, and how they are checked.
   *
   * @param skipBalloon whether ballooned pages are left out where that is possible
   * @param checksums whether each page carries a checksum when it is sent over a network; over a
   *     local connection none does
   * @param verify whether both sides compare digests of all memory before the guest is handed over
   */
  public record Pages(boolean skipBalloon, boolean checksums, boolean verify) {}

  /**
   * Connections for pages besides the migration's own.
   *
   * @param enabled whether there are any
   * @param channels how many if so, 1 to {@link StreamSetup#MAX_COUNT}
   */
  public record Multifd(boolean enabled, int channels) {}

  /**
   * How pages are compressed; the destination must speak protocol version 4.
   *
   * @param method the method
   * @param zstdLevel for {@link PageCompression#ZSTD}, {@link PageCompression#MIN_ZSTD_LEVEL} to
   *     {@link PageCompression#MAX_ZSTD_LEVEL}
   */
  public record Compression(PageCompression method, int zstdLevel) {}

  /**
   * How long to wait.
   *
   * @param connect for the connection, at least a millisecond
   * @param silence for the next byte of the other side, at least a millisecond
   * @param total until the guest is handed over; zero is for ever
   */
  public record Timeouts(Duration connect, Duration silence, Duration total) {}

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a value is out of its range
   */
  public MigrationParameters(
      Limits limits,
      Pages pages,
      Multifd multifd,
      Compression compression,
      AutoConverge autoConverge,
      Timeouts timeouts,
      int maxProtocolVersion) {
    this.limits = limits;
    this.pages = pages;
    this.multifd = multifd;
    this.compression = compression;
    this.autoConverge = autoConverge;
    this.timeouts = timeouts;
    this.maxProtocolVersion = maxProtocolVersion;
    MigrationParameter.ALL.forEach(parameter -> parameter.check(this));
    if (limits.passes() < 1) {
      throw new IllegalArgumentException(limits.passes() + " passes: must be at least 1");
    }
    if (maxProtocolVersion < Protocol.MIN_VERSION || maxProtocolVersion > Protocol.MAX_VERSION) {
      throw new IllegalArgumentException("no protocol version " + maxProtocolVersion);
    }
  }

  /** Returns the number of connections for pages besides the migration's own; 0 for none. */
  int streams() {
    return multifd.enabled() ? multifd.channels() : 0;
  }

  /** Returns whether pages carry checksums on their way to an address. */
  boolean pageChecksumsTo(MigrationUri uri) {
    return pages.checksums() && !uri.isLocal();
  }

  private MigrationParameters with(Limits changed) {
    return new MigrationParameters(
        changed, pages, multifd, compression, autoConverge, timeouts, maxProtocolVersion);
  }

  private MigrationParameters with(Pages changed) {
    return new MigrationParameters(
        limits, changed, multifd, compression, autoConverge, timeouts, maxProtocolVersion);
  }

  private MigrationParameters with(Multifd changed) {
    return new MigrationParameters(
        limits, pages, changed, compression, autoConverge, timeouts, maxProtocolVersion);
  }

  private MigrationParameters with(Compression changed) {
    return new MigrationParameters(
        limits, pages, multifd, changed, autoConverge, timeouts, maxProtocolVersion);
  }

  private MigrationParameters with(Timeouts changed) {
    return new MigrationParameters(
        limits, pages, multifd, compression, autoConverge, changed, maxProtocolVersion);
  }

  /** Returns these with another bandwidth limit, in bytes a second; 0 is none. */
  public MigrationParameters withMaxBandwidth(long bytesPerSecond) {
    return with(new Limits(bytesPerSecond, limits.downtime(), limits.passes()));
  }

  /** Returns these with another downtime limit. */
  public MigrationParameters withDowntimeLimit(Duration downtime) {
    return with(new Limits(limits.bandwidth(), downtime, limits.passes()));
  }

  /** Returns these with another limit of passes. */
  public MigrationParameters withMaxPasses(int passes) {
    return with(new Limits(limits.bandwidth(), limits.downtime(), passes));
  }

  /** Returns these with ballooned pages left out, or not. */
  public MigrationParameters withSkipBalloon(boolean on) {
    return with(new Pages(on, pages.checksums(), pages.verify()));
  }

  /** Returns these with or without checksums of pages. */
  public MigrationParameters withPageChecksums(boolean on) {
    return with(new Pages(pages.skipBalloon(), on, pages.verify()));
  }

  /** Returns these with or without digests of all memory. */
  public MigrationParameters withVerify(boolean on) {
    return with(new Pages(pages.skipBalloon(), pages.checksums(), on));
  }

  /** Returns these with or without connections for pages, as many as they were. */
  public MigrationParameters withMultifd(boolean on) {
    return with(new Multifd(on, multifd.channels()));
  }

  /** Returns these with another number of connections for pages, if there are to be any. */
  public MigrationParameters withMultifdChannels(int channels) {
    return with(new Multifd(multifd.enabled(), channels));
  }

  /** Returns these with another way to compress pages. */
  public MigrationParameters withCompression(PageCompression method) {
    return with(new Compression(method, compression.zstdLevel()));
  }

  /** Returns these with another level of {@link PageCompression#ZSTD}. */
  public MigrationParameters withZstdLevel(int level) {
    return with(new Compression(compression.method(), level));
  }

  /** Returns these with another way to slow the guest down. */
  public MigrationParameters withAutoConverge(AutoConverge changed) {
    return new MigrationParameters(
        limits, pages, multifd, compression, changed, timeouts, maxProtocolVersion);
  }

  /** Returns these with the guest slowed down by the same percentages, or not at all. */
  public MigrationParameters withAutoConverge(boolean on) {
    return withAutoConverge(autoConverge.withEnabled(on));
  }

  /** Returns these with another time to wait for the connection. */
  public MigrationParameters withConnectTimeout(Duration connect) {
    return with(new Timeouts(connect, timeouts.silence(), timeouts.total()));
  }

  /** Returns these with another time that the other side may be silent. */
  public MigrationParameters withSilenceTimeout(Duration silence) {
    return with(new Timeouts(timeouts.connect(), silence, timeouts.total()));
  }

  /** Returns these with another time that the whole may take; zero is for ever. */
  public MigrationParameters withTimeout(Duration total) {
    return with(new Timeouts(timeouts.connect(), timeouts.silence(), total));
  }

  /** Returns these with another newest protocol version to offer. */
  public MigrationParameters withMaxProtocolVersion(int version) {
    return new MigrationParameters(
        limits, pages, multifd, compression, autoConverge, timeouts, version);
  }
}
