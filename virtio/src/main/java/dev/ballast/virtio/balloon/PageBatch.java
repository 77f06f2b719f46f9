package dev.ballast.virtio.balloon;

import dev.ballast.vmm.memory.PageBitmap;
import java.util.Arrays;

/**
 * Collects pages in any order and returns them as runs. Its capacity is the most pages between two
 * drains; allocates nothing after its construction.
 */
final class PageBatch {
  private static final int DIGIT_BITS = 8;
  private static final int DIGITS = 1 << DIGIT_BITS;

  private final int[] starts = new int[DIGITS];
  private long[] pages;
  private long[] spare;
  private int count;

  PageBatch(int capacity) {
    this.pages = new long[capacity];
    this.spare = new long[capacity];
  }

  void clear() {
    count = 0;
  }

  void add(long page) {
    pages[count++] = page;
  }

  /**
   * Passes each maximal run to {@code consumer}, ascending, a repeated page once; the batch is
   * empty afterwards.
   */
  <X extends Exception> void drainRuns(PageBitmap.RunConsumer<X> consumer) throws X {
    sort();
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

  /**
   * A radix sort, least significant digit first, without the digits that all pages share. {@link
   * Arrays#sort(long[], int, int)} would allocate memory to merge ascending runs, in which pages
   * usually come.
   */
  private void sort() {
    long all = -1;
    long any = 0;
    boolean sorted = true;
    for (int i = 0; i < count; i++) {
      all &= pages[i];
      any |= pages[i];
      sorted &= i == 0 || pages[i - 1] <= pages[i];
    }
    for (int shift = 0; !sorted && shift < Long.SIZE; shift += DIGIT_BITS) {
      if (digit(all ^ any, shift) != 0) {
        sortBy(shift);
      }
    }
  }

  private void sortBy(int shift) {
    Arrays.fill(starts, 0);
    for (int i = 0; i < count; i++) {
      starts[digit(pages[i], shift)]++;
    }
    int start = 0;
    for (int digit = 0; digit < DIGITS; digit++) {
      int length = starts[digit];
      starts[digit] = start;
      start += length;
    }
    for (int i = 0; i < count; i++) {
      spare[starts[digit(pages[i], shift)]++] = pages[i];
    }
    long[] from = pages;
    pages = spare;
    spare = from;
  }

  private static int digit(long page, int shift) {
    return (int) (page >>> shift) & (DIGITS - 1);
  }
}
