package dev.ballast.migration.source;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * A snapshot of the progress of a migration.
 *
 * @param status its status
 * @param error why it failed, one line; empty unless it failed
 * @param times how long it has taken so far
 * @param ram what happened to the pages of RAM
 * @param traffic what went over the wire
 * @param balloon what was left out because of the balloon
 * @param throttlePercentage the share of the time that vCPUs are stopped now by auto-converge, in
 *     percent
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
          new Times(0, 0, OptionalLong.empty(), OptionalLong.empty(), OptionalLong.empty()),
          new Ram(0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
          new Traffic(0, 0, 0, 0, 0, 0),
          new Balloon(false, "", 0, 0, 0),
          0);

  /**
   * Returns the same with another status: the only value that is known of an incoming migration.
   */
  public MigrationProgress with(MigrationStatus changed) {
    return new MigrationProgress(changed, error, times, ram, traffic, balloon, throttlePercentage);
  }

  /**
   * Times in milliseconds.
   *
   * @param total from the start to now or to the end
   * @param setup until the first page
   * @param downtime from the stop of the guest until it runs at the destination, or here again;
   *     empty until it is stopped
   * @param expectedDowntime what the downtime would be if the guest were stopped now; empty for an
   *     incoming migration
   * @param verify how much of the downtime both sides spent on comparing memory; empty without
   *     verification, and before
   */
  public record Times(
      long total,
      long setup,
      OptionalLong downtime,
      OptionalLong expectedDowntime,
      OptionalLong verify) {}

  /**
   * Pages of 4096 bytes.
   *
   * @param total how many pages RAM has
   * @param remaining how many wait to be sent
   * @param normal how many were sent with content, repetitions counted
   * @param zero how many were found to be zero, repetitions counted
   * @param scanned how many were read by the zero test, repetitions counted
   * @param unpopulated how many had no host memory in the first pass, and so were not read
   * @param poisoned how many the host has lost to a memory error; zeros arrive instead
   * @param dirtyPerSecond how many pages per second the guest dirtied before the last sync
   * @param dirtySyncs how often the dirty log was fetched
   * @param passes how many passes have begun
   */
  public record Ram(
      long total,
      long remaining,
      long normal,
      long zero,
      long scanned,
      long unpopulated,
      long poisoned,
      long dirtyPerSecond,
      long dirtySyncs,
      long passes) {}

  /**
   * Bytes on the wire, headers included.
   *
   * @param transferred in total
   * @param precopy while the guest ran
   * @param downtime while it was stopped
   * @param streams over connections besides the migration's own
   * @param bitsPerSecond the average throughput from the first page to now or to the end
   * @param pagesPerSecond how many pages were sent with content per second over the same time
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
   * @param reason why not; empty when they are, and before the first migration
   * @param pagesSkipped how many pages the balloon excluded in the first pass
   * @param bitmapBytes payload of the bitmap in total
   * @param bitmapBytesDowntime payload of the bitmap while the guest was stopped
   */
  public record Balloon(
      boolean active,
      String reason,
      long pagesSkipped,
      long bitmapBytes,
      long bitmapBytesDowntime) {}
}
