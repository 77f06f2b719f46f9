package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.vmm.memory.RamBlock;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** What {@link MigrationProgress} is made of. The migration's threads write, any thread reads. */
@SuppressWarnings("NonAtomicVolatileUpdate") // what is volatile, one thread writes
final class ProgressCounters {
  private static final long NANOS_PER_MILLI = 1_000_000L;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final long started = System.nanoTime();
  private final MigrationChannel channel;
  private final SendingStreams streams;

  volatile long setupEnd;
  volatile long ended;
  volatile long guestStopped;
  volatile long guestContinued;
  volatile long expectedDowntimeMillis;
  volatile long verifyNanos;
  volatile long bytesBeforeStop;
  volatile int throttlePercentage;

  volatile long pagesTotal;
  private final AtomicLong pagesRemaining = new AtomicLong();
  private final LongAdder pagesNormal = new LongAdder();
  private final LongAdder pagesZero = new LongAdder();
  private final LongAdder pagesScanned = new LongAdder();
  private volatile long pagesUnpopulated;
  volatile long dirtyPagesPerSecond;
  volatile long dirtySyncs;
  volatile long passes;

  volatile boolean skipActive;
  volatile String skipReason = "not set up yet";
  private volatile long pagesSkipped;
  volatile long bitmapBytes;
  volatile long bitmapBytesDowntime;

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

  /**
   * Takes note of a dirty sync.
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

  void total(long pages) {
    pagesTotal += pages;
  }

  void passStarted() {
    passes++;
  }

  void taken(long pages) {
    pagesRemaining.addAndGet(-pages);
  }

  /** Takes note of the pages of which the first pass sends nothing. */
  void leftOut(CandidateSet.Found found) {
    pagesSkipped += found.excluded();
    pagesUnpopulated += found.unpopulated();
  }

  void scanned(long pages) {
    pagesScanned.add(pages);
  }

  void normal(long pages) {
    pagesNormal.add(pages);
  }

  void zero(long pages) {
    pagesZero.add(pages);
  }

  void bitmap(long bytes, boolean guestStopped) {
    bitmapBytes += bytes;
    if (guestStopped) {
      bitmapBytesDowntime += bytes;
    }
  }

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
