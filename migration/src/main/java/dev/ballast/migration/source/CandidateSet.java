package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The pages of a block that have to be looked at: those written since they were last taken, without
 * those that the filter excludes. Word by word on bitmaps. One thread syncs; streams take words,
 * each word one of them.
 *
 * <p>An excluded page is dropped and not remembered. That is safe because whoever takes a page out
 * of the filter marks it dirty <em>afterwards</em>: if its bit was still set here, the mark comes
 * after the dirty log was fetched, and so in a later one.
 */
final class CandidateSet {
  private final RamBlock block;
  private final PageBitmap pending;
  private final PageBitmap fetched;
  private final long wordsPerHostPage;
  private @Nullable PageBitmap excluded;

  /** The host page that was looked at last, twice, plus 1 if it is excluded; -1 for none. */
  private volatile long known = -1;

  /**
   * @param block the block
   * @param excluded one bit per page of the block, live; null excludes nothing
   */
  CandidateSet(RamBlock block, @Nullable PageBitmap excluded) {
    this.block = block;
    this.excluded = excluded;
    this.pending = PageBitmap.allocate(block.pages());
    this.fetched = PageBitmap.allocate(block.pages());
    this.wordsPerHostPage = block.hostPageSize() / RamBlock.PAGE_SIZE / Long.SIZE;
  }

  /** Fetches the dirty log; returns how many pages it held. {@link #exclude} is due afterwards. */
  long sync() throws IOException {
    block.fetchDirtyLog(fetched);
    known = -1;
    long dirty = fetched.cardinality();
    fetched.drainTo(pending);
    return dirty;
  }

  /** Makes every page a candidate, as before the first pass. */
  void addAll() {
    pending.setAll();
  }

  /** Stops to exclude pages. Those that were dropped come back. */
  void excludeNothing() {
    excluded = null;
    addAll();
  }

  /** Drops the pages that are excluded now; returns how many. */
  long exclude() {
    if (excluded == null) {
      return 0;
    }
    long dropped = 0;
    for (long i = 0; i < pending.wordCount(); i++) {
      if (pending.word(i) != 0) {
        long drop = excluded(i);
        if (drop != 0) {
          dropped += Long.bitCount(pending.andWord(i, ~drop) & drop);
        }
      }
    }
    return dropped;
  }

  /** Gives host memory back; nothing is asked of this any more. */
  void release() throws IOException {
    pending.release();
    fetched.release();
  }

  /** Returns how many pages wait. */
  long count() {
    return pending.cardinality();
  }

  /** Takes the 64 pages of word {@code index} out; those excluded meanwhile are in the result. */
  long take(long index) {
    return pending.word(index) == 0 ? 0 : pending.getAndSetWord(index, 0);
  }

  /** Returns which of the 64 pages of word {@code index} are excluded now. */
  long excluded(long index) {
    PageBitmap out = excluded;
    long word = out == null ? 0 : out.word(index);
    if (out == null || wordsPerHostPage <= 1) {
      return word;
    }
    return word == -1 && hostPageExcluded(out, index / wordsPerHostPage) ? -1 : 0;
  }

  /**
   * Looks at a whole host page once after each fetch: what was excluded then may still be dropped,
   * for the reason that this class gives.
   */
  private boolean hostPageExcluded(PageBitmap out, long hostPage) {
    long last = known;
    if (last >> 1 != hostPage) {
      long pages = wordsPerHostPage * Long.SIZE;
      long end = (hostPage + 1) * pages;
      last = hostPage << 1 | (out.nextClear(hostPage * pages, end) == end ? 1 : 0);
      known = last;
    }
    return (last & 1) != 0;
  }
}
