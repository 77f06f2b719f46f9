package dev.ballast.tools.vm;

import dev.ballast.migration.channel.MigrationUri;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a migration stands, at one moment.
 *
 * @param status the stage
 * @param totalMillis since the start, up to now or the end, in milliseconds
 * @param setupMillis until the first page, in milliseconds
 * @param downtimeMillis how long the guest stood still, in milliseconds; once known
 * @param expectedDowntimeMillis how long it will stand still, as far as can be told, in
 *     milliseconds
 * @param error why it failed
 * @param ram what happened to guest RAM
 * @param balloon what the balloon saved
 * @param verifyMillis how much of the downtime both sides spent on hashing the memory and finding
 *     it equal, in milliseconds; empty when nobody asked
 * @param throttlePercent for how much of the time vCPUs are stopped now, so that less is dirtied; 0
 *     when they run freely
 * @param listening where an incoming migration listens; empty when none is awaited or under way
 */
public record MigrationInfo(
    MigrationStatus status,
    long totalMillis,
    long setupMillis,
    OptionalLong downtimeMillis,
    OptionalLong expectedDowntimeMillis,
    Optional<String> error,
    Ram ram,
    Balloon balloon,
    OptionalLong verifyMillis,
    int throttlePercent,
    Optional<MigrationUri> listening) {

  /** What {@link MigrationControl#info} returns before the first migration. */
  public static final MigrationInfo NONE =
      new MigrationInfo(
          MigrationStatus.NONE,
          0,
          0,
          OptionalLong.empty(),
          OptionalLong.empty(),
          Optional.empty(),
          new Ram(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
          new Balloon(false, Optional.empty(), 0, 0, 0),
          OptionalLong.empty(),
          0,
          Optional.empty());

  /** Returns the same in another stage: an incoming migration counts nothing. */
  MigrationInfo incoming(MigrationStatus stage, Optional<MigrationUri> at) {
    return new MigrationInfo(
        stage,
        totalMillis,
        setupMillis,
        downtimeMillis,
        expectedDowntimeMillis,
        error,
        ram,
        balloon,
        verifyMillis,
        throttlePercent,
        at);
  }

  /**
   * What happened to guest RAM.
   *
   * @param transferredBytes all that was written to the other side
   * @param remainingBytes what is still to be sent, as far as is known
   * @param totalBytes the size of guest RAM
   * @param zeroPages pages found to be zero
   * @param normalPages pages sent whole; a page that is sent twice counts twice
   * @param dirtyPagesPerSecond how fast the guest writes, in the last pass
   * @param bytesPerSecond how fast all was written, on average from the first page to now or to the
   *     end
   * @param pagesPerSecond how many pages were sent whole, over the same time
   * @param passes how often the dirty log was fetched
   * @param precopyBytes what was written while the guest ran
   * @param downtimeBytes what was written while the guest stood still
   * @param multifdBytes what was written over connections besides the migration's own
   * @param scannedPages pages looked at
   */
  public record Ram(
      long transferredBytes,
      long remainingBytes,
      long totalBytes,
      long zeroPages,
      long normalPages,
      long dirtyPagesPerSecond,
      long bytesPerSecond,
      long pagesPerSecond,
      long passes,
      long precopyBytes,
      long downtimeBytes,
      long multifdBytes,
      long scannedPages) {}

  /**
   * What the balloon saved.
   *
   * @param active whether pages in the balloon are skipped
   * @param reason why they are not; empty when they are
   * @param skippedPages how many pages the balloon excluded in the first pass
   * @param bitmapBytes how much of the bitmap was sent
   * @param bitmapBytesDowntime how much of it while the guest stood still
   */
  public record Balloon(
      boolean active,
      Optional<String> reason,
      long skippedPages,
      long bitmapBytes,
      long bitmapBytesDowntime) {}
}
