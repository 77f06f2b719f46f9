package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationChannel;

/** The bandwidth limit of a migration, over all its connections. Any thread. */
final class SourceBandwidth {
  private final MigrationChannel main;
  private final SendingStreams streams;
  private long bytesPerSecond;
  private boolean lifted;

  /**
   * @param main the migration's own connection
   * @param streams the further connections
   * @param bytesPerSecond 0 is no limit
   */
  SourceBandwidth(MigrationChannel main, SendingStreams streams, long bytesPerSecond) {
    this.main = main;
    this.streams = streams;
    this.bytesPerSecond = bytesPerSecond;
  }

  /**
   * Changes the limit.
   *
   * @param limit in bytes a second; 0 is none
   */
  synchronized void set(long limit) {
    bytesPerSecond = limit;
    apply();
  }

  /** Lifts the limit for good, since it must not prolong the downtime. */
  synchronized void lift() {
    lifted = true;
    apply();
  }

  /** Applies the limit, also to connections that were added since it was set. */
  synchronized void apply() {
    long now = lifted ? 0 : bytesPerSecond;
    main.maxBandwidth(now);
    streams.maxBandwidth(now);
  }
}
