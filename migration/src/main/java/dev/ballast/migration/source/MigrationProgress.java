package dev.ballast.migration.source;

import java.util.Optional;

/**
 * How far a migration has come, at one moment.
 *
 * @param status where it is
 * @param error why it failed, one line; empty unless it did
 * @param times how long it took so far
 * @param ram what happened to the pages of RAM
 * @param traffic what went over the wire
 * @param balloon what was left out thanks to the balloon
 * @param throttlePercentage for how much of the time vCPUs are stopped now, so that it converges
 */
public record MigrationProgress(
    MigrationStatus status,
    Optional<String> error,
    Times times,
    Ram ram,
    Traffic traffic,
    Balloon balloon,
    int throttlePercentage) {
  /** Before the first migration. */
  public static final MigrationProgress IDLE =
      new MigrationProgress(
          MigrationStatus.NONE,
          Optional.empty(),
          new Times(0, 0, 0, 0, 0),
          new Ram(0, 0, 0, 0, 0, 0, 0, 0, 0),
          new Traffic(0, 0, 0, 0, 0, 0),
          new Balloon(false, "there was no migration", 0, 0, 0),
          0);

  /**
   * Times in milliseconds.
   *
   * @param total from the start to now or to the end
   * @param setup until the first page
   * @param downtime from the stop of the guest until it ran in the destination, or here again; 0
   *     before
   * @param expectedDowntime what the downtime would be if the guest were stopped now
   * @param verify how much of the downtime both sides spent on comparing memory; 0 without
   *     verification
   */
  public record Times(long total, long setup, long downtime, long expectedDowntime, long verify) {}

  /**
   * Pages of 4096 bytes.
   *
   * @param total how many RAM has
   * @param remaining how many wait to be sent
   * @param normal how many were sent with content, repetitions counted
   * @param zero how many were found to be zero, repetitions counted
   * @param scanned how many the zero test looked at, repetitions counted
   * @param unpopulated how many had no host memory in the first pass, and so were not looked at
   * @param dirtyPerSecond how fast the guest dirtied them before the last sync
   * @param dirtySyncs how often the dirty log was fetched
   * @param passes how many passes began
   */
  public record Ram(
      long total,
      long remaining,
      long normal,
      long zero,
      long scanned,
      long unpopulated,
      long dirtyPerSecond,
      long dirtySyncs,
      long passes) {}

  /**
   * Bytes on the wire, headers included.
   *
   * @param transferred in all
   * @param precopy while the guest ran
   * @param downtime while it was stopped
   * @param streams over connections besides the migration's own
   * @param bitsPerSecond throughput from the first page to now or to the end
   * @param pagesPerSecond sent pages over the same time
   */
  public record Traffic(
      long transferred,
      long precopy,
      long downtime,
      long streams,
      long bitsPerSecond,
      long pagesPerSecond) {}

  /**
   * The capability {@code skip-balloon}.
   *
   * @param active whether ballooned pages are left out
   * @param reason why not; empty when they are
   * @param pagesSkipped how many pages the balloon excluded in the first pass
   * @param bitmapBytes payload of the bitmap in all
   * @param bitmapBytesDowntime payload of the bitmap while the guest was stopped
   */
  public record Balloon(
      boolean active,
      String reason,
      long pagesSkipped,
      long bitmapBytes,
      long bitmapBytesDowntime) {}
}
