package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;

/**
 * The candidates that a sender has taken out of a {@link CandidateSet} at once, and sends before it
 * takes more. Bit 0 of the bitmaps is {@link #firstPage}. One thread.
 */
final class Span {
  private final PageBitmap pages;
  private final PageBitmap populated;
  private long firstPage;
  private long taken;
  private long poisoned;
  private boolean empty = true;

  /**
   * @param words the length in words of a bitmap
   */
  Span(long words) {
    this.pages = PageBitmap.allocate(words * Long.SIZE);
    this.populated = PageBitmap.allocate(words * Long.SIZE);
  }

  /** Empties the span and moves it to another first page. */
  void start(long page) {
    firstPage = page;
    taken = 0;
    poisoned = 0;
    empty = true;
    pages.clearWords(0, pages.wordCount());
    populated.clearWords(0, populated.wordCount());
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

  /** Records that poisoned pages were found which were not known before. */
  void foundPoisoned(long newPages) {
    poisoned = newPages;
  }

  /** Returns how many poisoned pages were found in it that were not known before. */
  long poisoned() {
    return poisoned;
  }

  /** Returns its length in pages. */
  long length() {
    return pages.size();
  }

  /** Returns the page of the block that bit 0 stands for. */
  long firstPage() {
    return firstPage;
  }

  /** Returns the pages that are to be sent. */
  PageBitmap pages() {
    return pages;
  }

  /** Returns which of them have host memory that can be read; the others arrive as zeros. */
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
