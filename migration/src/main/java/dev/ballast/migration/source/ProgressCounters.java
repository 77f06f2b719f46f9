package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.vmm.memory.RamBlock;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The counters behind {@link MigrationProgress}. The migration's threads write, any thread reads.
 */
@SuppressWarnings("NonAtomicVolatileUpdate") // what is volatile, one thread writes
final class ProgressCounters {
  private static final long NANOS_PER_MILLI = 1_000_000L;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final long started = System.nanoTime();
  private final MigrationChannel channel;
  private final SendingStreams streams;

  private volatile long setupEnd;
  private volatile long ended;
  private volatile long guestStopped;
  private volatile long guestContinued;
  private volatile long expectedDowntimeMillis;
  private volatile long verifyNanos;
  private volatile long bytesBeforeStop;
  private volatile int throttlePercentage;

  private volatile long pagesTotal;
  private final AtomicLong pagesRemaining = new AtomicLong();
  private final LongAdder pagesNormal = new LongAdder();
  private final LongAdder pagesZero = new LongAdder();
  private final LongAdder pagesScanned = new LongAdder();
  private final LongAdder pagesPoisoned = new LongAdder();
  private volatile long pagesUnpopulated;
  private volatile long dirtyPagesPerSecond;
  private volatile long dirtySyncs;
  private volatile long passes;

  private volatile boolean skipActive;
  private volatile String skipReason = "not set up yet";
  private volatile long pagesSkipped;
  private volatile long bitmapBytes;
  private volatile long bitmapBytesDowntime;

  ProgressCounters(MigrationChannel channel, SendingStreams streams) {
    this.channel = channel;
    this.streams = streams;
  }

  MigrationProgress snapshot(MigrationStatus status, @Nullable String error) {
    long now = ended != 0 ? ended : System.nanoTime();
    long transferred = transferred();
    long precopy = guestStopped != 0 ? bytesBeforeStop : transferred;
    long active = setupEnd != 0 ? Math.max(1, now - setupEnd) : 0;
    return new MigrationProgress(
        status,
        Optional.ofNullable(error),
        new MigrationProgress.Times(
            (now - started) / NANOS_PER_MILLI,
            ((setupEnd != 0 ? setupEnd : now) - started) / NANOS_PER_MILLI,
            guestStopped == 0
                ? OptionalLong.empty()
                : millis((guestContinued != 0 ? guestContinued : now) - guestStopped),
            OptionalLong.of(expectedDowntimeMillis),
            verifyNanos == 0 ? OptionalLong.empty() : millis(verifyNanos)),
        new MigrationProgress.Ram(
            pagesTotal,
            pagesRemaining.get(),
            pagesNormal.sum(),
            pagesZero.sum(),
            pagesScanned.sum(),
            pagesUnpopulated,
            pagesPoisoned.sum(),
            dirtyPagesPerSecond,
            dirtySyncs,
            passes),
        new MigrationProgress.Traffic(
            transferred,
            precopy,
            transferred - precopy,
            streams.bytesWritten(),
            perSecond(transferred * Byte.SIZE, active),
            perSecond(pagesNormal.sum(), active)),
        new MigrationProgress.Balloon(
            skipActive, skipReason, pagesSkipped, bitmapBytes, bitmapBytesDowntime),
        throttlePercentage);
  }

  private static OptionalLong millis(long nanos) {
    return OptionalLong.of(nanos / NANOS_PER_MILLI);
  }

  private static long perSecond(long amount, long nanos) {
    return nanos == 0 ? 0 : (long) ((double) amount * NANOS_PER_SECOND / nanos);
  }

  /** Records the end of the setup: RAM follows. */
  void setUp() {
    setupEnd = System.nanoTime();
  }

  /** Records that the guest is about to be stopped. */
  void guestStops() {
    bytesBeforeStop = transferred();
    guestStopped = System.nanoTime();
  }

  /** Records that the guest continues, here or at the destination. */
  void guestContinues() {
    guestContinued = System.nanoTime();
  }

  /** Records the end of the migration. Does nothing if it was recorded before. */
  void ended() {
    if (ended == 0) {
      ended = System.nanoTime();
    }
  }

  /**
   * Records how long the downtime would be if the guest were stopped now.
   *
   * @param millis in milliseconds
   */
  void expectedDowntime(long millis) {
    expectedDowntimeMillis = millis;
  }

  /** Records how long digests took. */
  void verified(long nanos) {
    verifyNanos = nanos;
  }

  /** Records the share of the time that vCPUs are stopped, in percent. */
  void throttled(int percentage) {
    throttlePercentage = percentage;
  }

  /** Returns the share of the time that vCPUs are stopped, in percent. */
  int throttlePercentage() {
    return throttlePercentage;
  }

  /**
   * Records whether ballooned pages are left out.
   *
   * @param reason why not; empty if they are
   */
  void skipBalloon(boolean active, String reason) {
    skipActive = active;
    skipReason = reason;
  }

  /**
   * Records a dirty sync.
   *
   * @param dirty how many pages it found
   * @param nanos in which time they became dirty; 0 if that is not known
   */
  void synced(long dirty, long nanos) {
    dirtySyncs++;
    if (nanos > 0) {
      dirtyPagesPerSecond = perSecond(dirty, nanos);
    }
  }

  /** Adds to the number of pages that RAM has. */
  void total(long pages) {
    pagesTotal += pages;
  }

  /** Records the start of a pass; returns its number, from 1 on. */
  long passStarted() {
    passes++;
    return passes;
  }

  /** Returns how many passes have begun. */
  long passes() {
    return passes;
  }

  /** Subtracts from the pages that wait to be sent. */
  void taken(long pages) {
    pagesRemaining.addAndGet(-pages);
  }

  /** Records the pages that the first pass leaves out. */
  void leftOut(RefineResult found) {
    pagesSkipped += found.excluded();
    pagesUnpopulated += found.unpopulated();
  }

  /** Adds pages that were read to see whether they are zero. */
  void scanned(long pages) {
    pagesScanned.add(pages);
  }

  /** Adds pages that were sent with content. */
  void normal(long pages) {
    pagesNormal.add(pages);
  }

  /** Adds pages that are zero. */
  void zero(long pages) {
    pagesZero.add(pages);
  }

  /** Adds pages that the host has lost to a memory error. */
  void poisoned(long pages) {
    pagesPoisoned.add(pages);
  }

  /** Adds bytes of the balloon bitmap. */
  void bitmap(long bytes, boolean guestStopped) {
    bitmapBytes += bytes;
    if (guestStopped) {
      bitmapBytesDowntime += bytes;
    }
  }

  /** Sets how many pages wait to be sent. */
  void remaining(long pages) {
    pagesRemaining.set(pages);
  }

  /** Returns the bytes on the wire, of all streams. */
  long transferred() {
    return channel.bytesWritten() + streams.bytesWritten();
  }

  /** Returns the bytes of pages that were sent with content, before they were compressed. */
  long contentBytes() {
    return pagesNormal.sum() * RamBlock.PAGE_SIZE;
  }

  /** Returns the bytes that wait to be sent. */
  long bytesRemaining() {
    return pagesRemaining.get() * RamBlock.PAGE_SIZE;
  }
}
