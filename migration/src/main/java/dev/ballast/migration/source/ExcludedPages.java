package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import org.jspecify.annotations.Nullable;

/**
 * Which pages of a block a filter excludes: live, and in whole host pages, because excluding a part
 * of a host page would lose the rest of it. Several threads read; {@link #startSync} and {@link
 * #clear} are for one thread, while no other reads.
 */
final class ExcludedPages {
  private final long wordsPerHostPage;
  private @Nullable PageBitmap pages;

  /** The host page that was found to be excluded last; -1 for none. */
  private volatile long lastExcludedHostPage = -1;

  /**
   * @param block the block
   * @param pages one bit per page of the block, live; null excludes nothing
   */
  ExcludedPages(RamBlock block, @Nullable PageBitmap pages) {
    this.wordsPerHostPage = block.hostPageSize() / RamBlock.PAGE_SIZE / Long.SIZE;
    this.pages = pages;
  }

  /** Forgets what was excluded before this sync. */
  void startSync() {
    lastExcludedHostPage = -1;
  }

  /** Stops excluding pages. */
  void clear() {
    pages = null;
  }

  /** Returns which of the 64 pages of word {@code index} are excluded now. */
  long word(long index) {
    PageBitmap out = pages;
    long word = out == null ? 0 : out.word(index);
    if (out == null || wordsPerHostPage <= 1) {
      return word;
    }
    return word == -1 && isWhollyExcluded(out, index / wordsPerHostPage) ? -1 : 0;
  }

  /**
   * Remembers the host page that was excluded last until the next sync: what was excluded then may
   * still be dropped, for the reason that {@link CandidateSet} gives.
   */
  private boolean isWhollyExcluded(PageBitmap out, long hostPage) {
    if (lastExcludedHostPage == hostPage) {
      return true;
    }
    long pagesPerHostPage = wordsPerHostPage * Long.SIZE;
    long end = (hostPage + 1) * pagesPerHostPage;
    boolean whole = out.nextClear(hostPage * pagesPerHostPage, end) == end;
    if (whole) {
      lastExcludedHostPage = hostPage;
    }
    return whole;
  }

  /** Returns how many pages are excluded in words {@code fromWord} to {@code toWord - 1}. */
  long count(long fromWord, long toWord) {
    PageBitmap out = pages;
    if (out == null) {
      return 0;
    }
    if (wordsPerHostPage <= 1) {
      long first = fromWord << 6;
      return out.cardinality(first, Math.min(out.size(), toWord << 6) - first);
    }
    long count = 0;
    for (long i = fromWord; i < toWord; i++) {
      count += Long.bitCount(word(i));
    }
    return count;
  }
}
