package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;

/**
 * The candidates that a sender has taken out of a {@link CandidateSet} at once, and sends before it
 * takes more. Bit 0 of the bitmaps is {@link #firstPage}. One thread.
 */
final class Span {
  /** The length of a span in words of a bitmap: 32 MiB of RAM. */
  static final int WORDS = 128;

  /** The length of a span in pages. */
  static final int PAGES = WORDS * Long.SIZE;

  private final PageBitmap pages = PageBitmap.allocate(PAGES);
  private final PageBitmap populated = PageBitmap.allocate(PAGES);
  private long firstPage;
  private long taken;
  private boolean empty = true;

  /** Empties the span and moves it to another first page. */
  void start(long page) {
    firstPage = page;
    taken = 0;
    empty = true;
    pages.clearWords(0, WORDS);
    populated.clearWords(0, WORDS);
  }

  /**
   * Adds the pages of one word.
   *
   * @param index of the word
   * @param candidates how many were taken, those left out included
   * @param wanted which of them are to be sent
   * @param withMemory which of {@code wanted} have host memory
   */
  void put(long index, int candidates, long wanted, long withMemory) {
    taken += candidates;
    if (wanted != 0) {
      empty = false;
      pages.setWord(index, wanted);
      populated.setWord(index, withMemory);
    }
  }

  /** Returns the page of the block that bit 0 stands for. */
  long firstPage() {
    return firstPage;
  }

  /** Returns the pages that are to be sent. */
  PageBitmap pages() {
    return pages;
  }

  /** Returns which of them have host memory; the others are zero. */
  PageBitmap populated() {
    return populated;
  }

  /** Returns how many candidates were taken, those included that need not be sent any more. */
  long taken() {
    return taken;
  }

  boolean isEmpty() {
    return empty;
  }
}
