package dev.ballast.virtio.balloon;

import java.util.Arrays;

/**
 * Collects pages in any order and hands them out as runs. Made once, allocates nothing afterwards.
 */
final class PageBatch {
  private final long[] pages;
  private int count;

  PageBatch(int capacity) {
    this.pages = new long[capacity];
  }

  /** Takes consecutive pages. */
  @FunctionalInterface
  interface RunConsumer {
    void accept(long first, long count);
  }

  boolean isFull() {
    return count == pages.length;
  }

  void clear() {
    count = 0;
  }

  void add(long page) {
    pages[count++] = page;
  }

  /**
   * Hands each maximal run over, ascending, a repeated page once; the batch is empty afterwards.
   */
  void drainRuns(RunConsumer consumer) {
    Arrays.sort(pages, 0, count);
    int at = 0;
    while (at < count) {
      long first = pages[at];
      long last = first;
      while (++at < count && pages[at] - last <= 1) {
        last = pages[at];
      }
      consumer.accept(first, last - first + 1);
    }
    count = 0;
  }
}
