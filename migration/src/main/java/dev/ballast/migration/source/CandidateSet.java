package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The pages of a block that a pass has to consider: those written since they were last taken,
 * without those that the filter excludes, and without those that have no host memory and are
 * therefore zero, unless the destination may have something else there. This owns the bitmaps of a
 * page's path from the dirty log to the sender, shown in the package documentation; nothing else
 * writes to them.
 *
 * <p>One thread syncs: {@link #fetch}, then {@link #refine}. Between two syncs, senders take spans,
 * each span by one sender. A span is whole words of the bitmaps, so that senders do not share a
 * word.
 *
 * <p>A page that is dropped is not remembered. That is safe because a page is marked dirty
 * <em>after</em> it has left the filter, and host memory appears behind a page only by a write:
 * either way the mark comes after the dirty log was fetched, and so in a later one.
 */
final class CandidateSet {
  /**
   * Page maps are read in groups of this many words, 2 MiB of RAM, if one page of the group is
   * wanted.
   */
  private static final long GROUP_WORDS = 8;

  /** What a thread refines at a time: 64 GiB; less is not worth another thread. */
  private static final long PART_BYTES = 64L << 30;

  private final RamBlock block;
  private final ExcludedPages excluded;
  private final PoisonedPages poisoned;

  /** The length of a span in words of the bitmaps, and how many spans make up a part. */
  private final long spanWords;

  private final long partSpans;

  /** The candidates. */
  private final PageBitmap pending;

  /** Candidates that were not taken, while the log is fetched. */
  private final PageBitmap carried;

  /** Which candidates had host memory at the last sync, and no others. */
  private final PageBitmap populated;

  /** Which pages the destination may have with content. */
  private final PageBitmap sent;

  /** One bit a span: whether it has candidates. */
  private final PageBitmap spans;

  private boolean all = true;

  /** Whether all pages are pending, so that those that are dropped are counted. */
  private volatile boolean counting;

  /**
   * @param block the block
   * @param excluded one bit per page of the block, live; null excludes nothing
   */
  CandidateSet(RamBlock block, @Nullable PageBitmap excluded) {
    this.block = block;
    this.excluded = new ExcludedPages(block, excluded);
    this.poisoned = new PoisonedPages(block);
    this.spanWords = block.protectBytes() / RamBlock.PAGE_SIZE / Long.SIZE;
    this.partSpans = PART_BYTES / block.protectBytes();
    this.pending = PageBitmap.allocate(block.pages());
    this.carried = PageBitmap.allocate(block.pages());
    this.populated = PageBitmap.allocate(block.pages());
    this.sent = PageBitmap.allocate(block.pages());
    this.spans = PageBitmap.allocate(Math.ceilDiv(pending.wordCount(), spanWords));
  }

  /** Fetches the dirty log; earlier candidates stay. Call {@link #refine} afterwards. */
  void fetch() throws IOException {
    moveCandidates(pending, carried);
    block.fetchDirtyLog(pending);
    moveCandidates(carried, pending);
    excluded.startSync();
  }

  private void moveCandidates(PageBitmap from, PageBitmap into) {
    for (long span = nextSpan(0); span >= 0; span = nextSpan(span + 1)) {
      long end = endWord(span);
      for (long i = firstWord(span); i < end; i++) {
        if (from.word(i) != 0) {
          into.orWord(i, from.getAndSetWord(i, 0));
        }
      }
    }
  }

  /** Stops excluding pages. All pages are candidates at the next {@link #refine}. */
  void excludeNothing() {
    excluded.clear();
    all = true;
  }

  /**
   * Drops the candidates that need not be sent; the first time, it starts with all pages.
   *
   * @param meanwhile called on this thread about once a second or more often
   */
  RefineResult refine(IoAction meanwhile) throws IOException {
    counting = all;
    if (all) {
      pending.setAll();
      all = false;
    }
    spans.clearAll();
    long parts = Math.ceilDiv(spans.size(), partSpans);
    if (parts == 1) {
      return refineRanges(0, spans.size());
    }
    RefineResult found = RefineResult.NOTHING;
    long atOnce = ForkJoinPool.getCommonPoolParallelism() + 1L;
    for (long part = 0; part < parts; part += atOnce) {
      found = found.plus(refineInParallel(part, Math.min(parts, part + atOnce)));
      meanwhile.run();
    }
    return found;
  }

  private RefineResult refineInParallel(long fromPart, long toPart) throws IOException {
    try {
      return LongStream.range(fromPart, toPart)
          .parallel()
          .mapToObj(this::refinePart)
          .reduce(RefineResult.NOTHING, RefineResult::plus);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private RefineResult refinePart(long part) {
    try {
      return refineRanges(part * partSpans, Math.min(spans.size(), (part + 1) * partSpans));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Refines spans, skipping those without pending pages. */
  private RefineResult refineRanges(long from, long to) throws IOException {
    RefineResult found = RefineResult.NOTHING;
    long start = -1;
    for (long span = from; span < to; span++) {
      boolean any = !pending.isEmpty(firstWord(span), endWord(span));
      if (any && start < 0) {
        start = span;
      } else if (!any && start >= 0) {
        found = found.plus(refineRange(start, span));
        start = -1;
      }
    }
    return start < 0 ? found : found.plus(refineRange(start, to));
  }

  /** Refines spans that all have pending pages. */
  private RefineResult refineRange(long from, long to) throws IOException {
    findPopulated(from, to);
    RefineResult found = RefineResult.NOTHING;
    long start = -1;
    for (long span = from; span < to; span++) {
      if (mayHaveContent(span)) {
        if (start >= 0) {
          found = found.plus(dropSpans(start, span));
          start = -1;
        }
        found = found.plus(refineSpan(span));
      } else if (start < 0) {
        start = span;
      }
    }
    return start < 0 ? found : found.plus(dropSpans(start, to));
  }

  private RefineResult refineSpan(long span) {
    long candidates = 0;
    long dropped = 0;
    long unpopulated = 0;
    long end = endWord(span);
    for (long i = firstWord(span); i < end; i++) {
      long word = pending.word(i);
      long there = populated.word(i);
      long kept = 0;
      if (word != 0) {
        long wanted = word & ~excluded.word(i);
        dropped += Long.bitCount(word ^ wanted);
        unpopulated += Long.bitCount(wanted & ~there);
        kept = wanted & (there | sent.word(i));
        candidates += Long.bitCount(kept);
        if (kept != word) {
          pending.setWord(i, kept);
        }
      }
      if ((there & ~kept) != 0) {
        populated.setWord(i, there & kept);
      }
    }
    if (candidates > 0) {
      spans.add(span);
    }
    return new RefineResult(candidates, dropped, unpopulated);
  }

  private boolean mayHaveContent(long span) {
    return !populated.isEmpty(firstWord(span), endWord(span))
        || !sent.isEmpty(firstWord(span), endWord(span));
  }

  /** Drops whole spans, in which no page has memory and none was sent with content. */
  private RefineResult dropSpans(long from, long to) {
    long excludedPages = 0;
    long pendingPages = 0;
    if (counting) {
      pendingPages = pagesOf(firstWord(from), endWord(to - 1));
      excludedPages = excluded.count(firstWord(from), endWord(to - 1));
    }
    pending.clearWords(firstWord(from), endWord(to - 1));
    return new RefineResult(0, excludedPages, pendingPages - excludedPages);
  }

  /**
   * Reads the page maps of spans. Where nothing was sent there is hardly anything to read;
   * elsewhere only groups are read whose pending pages are not all excluded.
   */
  private void findPopulated(long from, long to) throws IOException {
    populated.clearWords(firstWord(from), endWord(to - 1));
    long start = -1;
    for (long span = from; span < to; span++) {
      if (sent.isEmpty(firstWord(span), endWord(span))) {
        start = start < 0 ? firstWord(span) : start;
      } else {
        readPageMap(start, firstWord(span));
        start = -1;
        findPopulatedInGroups(span);
      }
    }
    readPageMap(start, endWord(to - 1));
  }

  private void findPopulatedInGroups(long span) throws IOException {
    long start = -1;
    for (long group = firstWord(span); group < endWord(span); group += GROUP_WORDS) {
      long wanted = 0;
      for (long i = group; i < Math.min(endWord(span), group + GROUP_WORDS); i++) {
        wanted |= pending.word(i) & ~excluded.word(i);
      }
      if (wanted != 0 && start < 0) {
        start = group;
      } else if (wanted == 0) {
        readPageMap(start, group);
        start = -1;
      }
    }
    readPageMap(start, endWord(span));
  }

  /** Does nothing if {@code fromWord} is negative. */
  private void readPageMap(long fromWord, long toWord) throws IOException {
    if (fromWord >= 0) {
      block.addPopulated(fromWord << 6, pagesOf(fromWord, toWord), populated);
    }
  }

  private long pagesOf(long fromWord, long toWord) {
    return Math.min(pending.size(), toWord << 6) - (fromWord << 6);
  }

  private long firstWord(long span) {
    return span * spanWords;
  }

  private long endWord(long span) {
    return Math.min(pending.wordCount(), firstWord(span + 1));
  }

  /** Returns an object for {@link #takeSpan} to fill. */
  Span newSpan() {
    return new Span(spanWords);
  }

  /** Returns the poisoned pages of the block that were found. */
  PoisonedPages poisoned() {
    return poisoned;
  }

  /** Returns the first span from {@code from} on that has candidates, or -1. */
  long nextSpan(long from) {
    long span = spans.nextSet(from);
    return span == spans.size() ? -1 : span;
  }

  /**
   * Takes the candidates of a span out of the set, without those that were excluded meanwhile. From
   * now on the log records writes to those taken, so that their content may be read.
   *
   * @param span the span, which no other thread takes
   * @param last whether the guest is stopped, so that no write has to be logged any more
   * @param into receives them
   * @return whether there are any
   */
  boolean takeSpan(long span, boolean last, Span into) throws IOException {
    long from = firstWord(span);
    long to = endWord(span);
    if (block.readingPopulates()) {
      refreshPopulated(from, to);
    }
    into.start(from << 6);
    into.foundPoisoned(findPoisoned(from, to));
    for (long i = from; i < to; i++) {
      long taken = pending.word(i) == 0 ? 0 : pending.getAndSetWord(i, 0);
      long wanted = taken == 0 ? 0 : taken & ~excluded.word(i);
      long there = populated.word(i);
      if ((there & ~wanted) != 0) {
        populated.setWord(i, there & wanted);
      }
      into.put(i - from, Long.bitCount(taken), wanted, there & wanted & ~poisoned.word(i));
    }
    if (into.isEmpty()) {
      return false;
    }
    if (!last) {
      // Only the pages that are read next: others keep the writes since the sync in the log.
      block.protectDirty(populated, from, to);
    }
    populated.clearWords(from, to);
    return true;
  }

  /** Looks for poisoned pages in groups of words with candidates: looking may cost a read. */
  private long findPoisoned(long fromWord, long toWord) throws IOException {
    long found = 0;
    long start = -1;
    for (long group = fromWord; group < toWord; group += GROUP_WORDS) {
      boolean wanted = !populated.isEmpty(group, Math.min(toWord, group + GROUP_WORDS));
      if (wanted && start < 0) {
        start = group;
      } else if (!wanted && start >= 0) {
        found += poisoned.find(start << 6, pagesOf(start, group));
        start = -1;
      }
    }
    return start < 0 ? found : found + poisoned.find(start << 6, pagesOf(start, toWord));
  }

  /** Reads the page maps of a span anew: the balloon may have taken pages since the sync. */
  private void refreshPopulated(long fromWord, long toWord) throws IOException {
    populated.clearWords(fromWord, toWord);
    readPageMap(fromWord, toWord);
  }

  /**
   * Notes that pages are about to be sent with content. Before they are written: what is half
   * written when that fails counts as sent.
   */
  void markSent(long firstPage, long pages) {
    sent.set(firstPage, pages);
  }

  /**
   * Notes that a page is sent as zero.
   *
   * @return whether that is necessary: the destination may have something else there
   */
  boolean clearSent(long page) {
    return sent.remove(page);
  }

  /** Frees the host memory of the bitmaps; the set must not be used afterwards. */
  void release() throws IOException {
    pending.release();
    carried.release();
    spans.release();
    populated.release();
    sent.release();
    poisoned.release();
  }
}
