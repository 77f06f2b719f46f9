package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The pages of a block that have to be looked at: those written since they were last taken, without
 * those that the filter excludes. Word by word on bitmaps. One thread.
 *
 * <p>An excluded page is dropped and not remembered. That is safe because whoever takes a page out
 * of the filter marks it dirty <em>afterwards</em>: if its bit was still set here, the mark comes
 * after the dirty log was fetched, and so in a later one.
 */
final class CandidateSet {
  private final RamBlock block;
  private final PageBitmap pending;
  private final PageBitmap fetched;
  private @Nullable PageBitmap excluded;

  /**
   * @param block the block
   * @param excluded one bit per page of the block, live; null excludes nothing
   */
  CandidateSet(RamBlock block, @Nullable PageBitmap excluded) {
    this.block = block;
    this.excluded = excluded;
    this.pending = PageBitmap.allocate(block.pages());
    this.fetched = PageBitmap.allocate(block.pages());
  }

  /** Fetches the dirty log; returns how many pages it held. {@link #exclude} is due afterwards. */
  long sync() throws IOException {
    block.fetchDirtyLog(fetched);
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
    PageBitmap out = excluded;
    if (out == null) {
      return 0;
    }
    long dropped = 0;
    for (long i = 0; i < pending.wordCount(); i++) {
      if (pending.word(i) != 0) {
        long drop = out.word(i);
        if (drop != 0) {
          dropped += Long.bitCount(pending.andWord(i, ~drop) & drop);
        }
      }
    }
    return dropped;
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
    return out == null ? 0 : out.word(index);
  }
}
