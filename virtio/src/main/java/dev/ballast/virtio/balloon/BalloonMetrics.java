package dev.ballast.virtio.balloon;

import java.util.concurrent.atomic.LongAdder;

/** Counters of a balloon since its process started. Any thread; each number by itself is exact. */
public final class BalloonMetrics {
  final LongAdder inflatedPages = new LongAdder();
  final LongAdder repeatedPages = new LongAdder();
  final LongAdder deflatedPages = new LongAdder();
  final LongAdder unexpectedDeflatedPages = new LongAdder();
  final LongAdder badPfns = new LongAdder();
  final LongAdder discards = new LongAdder();
  final LongAdder failedDiscards = new LongAdder();

  BalloonMetrics() {}

  /** Returns how many pages went into the balloon. */
  public long inflatedPages() {
    return inflatedPages.sum();
  }

  /** Returns how many inflated pages were in the balloon already. */
  public long repeatedPages() {
    return repeatedPages.sum();
  }

  /** Returns how many pages the guest took out of the balloon. */
  public long deflatedPages() {
    return deflatedPages.sum();
  }

  /** Returns how many deflated pages were not in the balloon. */
  public long unexpectedDeflatedPages() {
    return unexpectedDeflatedPages.sum();
  }

  /** Returns how many page frame numbers were outside guest RAM, and ignored. */
  public long badPfns() {
    return badPfns.sum();
  }

  /** Returns how many runs of pages were given back to the host. */
  public long discards() {
    return discards.sum();
  }

  /** Returns how many runs of pages the host's kernel refused to take back. */
  public long failedDiscards() {
    return failedDiscards.sum();
  }
}
