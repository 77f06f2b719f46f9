package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The pages of a block that have to be looked at: those written since they were last taken, without
 * those that the filter excludes, and without those that have no host memory and are therefore
 * zero, unless the destination may have something else there. Word by word on bitmaps. One thread
 * syncs; streams take words, each word one of them.
 *
 * <p>A page that is dropped is not remembered. That is safe because whoever takes a page out of the
 * filter marks it dirty <em>afterwards</em>, and host memory appears behind a page only by a write:
 * either way the mark comes after the dirty log was fetched, and so in a later one.
 */
final class CandidateSet {
  /** Pages that are taken and sent in one go, in words: 32 MiB. */
  static final long SPAN_WORDS = 128;

  /** Page maps are read for so many pages at once, if one of them is wanted: 2 MiB. */
  private static final long GROUP_WORDS = 8;

  /** Spans that a thread refines at a time: 64 GiB, less is not worth the start of another. */
  private static final long PART_SPANS = 1 << 11;

  private final RamBlock block;
  private final PageBitmap pending;

  /** Candidates that were not taken, while the log is fetched. */
  private final PageBitmap carried;

  private final PageBitmap populated;
  private final PageBitmap sent;

  /** One bit a span: whether it has candidates. */
  private final PageBitmap spans;

  private final long wordsPerHostPage;
  private @Nullable PageBitmap excluded;
  private boolean all = true;

  /** Whether all pages are pending, so that those that are dropped are counted. */
  private volatile boolean counting;

  /** The host page that was found to be excluded last; -1 for none. */
  private volatile long known = -1;

  /**
   * What a sync found.
   *
   * @param candidates pages that have to be looked at
   * @param excluded pages that are not because the filter has them; in spans without any content
   *     only those of a sync of which all pages are candidates are counted
   * @param unpopulated pages that are not because they have no memory, counted likewise
   */
  record Found(long candidates, long excluded, long unpopulated) {
    private static final Found NOTHING = new Found(0, 0, 0);

    private Found plus(Found other) {
      return new Found(
          candidates + other.candidates,
          excluded + other.excluded,
          unpopulated + other.unpopulated);
    }
  }

  /**
   * @param block the block
   * @param excluded one bit per page of the block, live; null excludes nothing
   */
  CandidateSet(RamBlock block, @Nullable PageBitmap excluded) {
    this.block = block;
    this.excluded = excluded;
    this.pending = PageBitmap.allocate(block.pages());
    this.carried = PageBitmap.allocate(block.pages());
    this.populated = PageBitmap.allocate(block.pages());
    this.sent = PageBitmap.allocate(block.pages());
    this.spans = PageBitmap.allocate(Math.ceilDiv(pending.wordCount(), SPAN_WORDS));
    this.wordsPerHostPage = block.hostPageSize() / RamBlock.PAGE_SIZE / Long.SIZE;
  }

  /** Which candidates had host memory at the last sync, and no others. A stream clears its part. */
  PageBitmap populated() {
    return populated;
  }

  /** Which pages the destination may have with content. */
  PageBitmap sent() {
    return sent;
  }

  /** One bit for each {@link #SPAN_WORDS} words: those without it have no candidates. */
  PageBitmap spans() {
    return spans;
  }

  /** Returns the number of words. */
  long wordCount() {
    return pending.wordCount();
  }

  /** Fetches the dirty log; earlier candidates stay. {@link #refine} is due afterwards. */
  void fetch() throws IOException {
    moveCandidates(pending, carried);
    block.fetchDirtyLog(pending);
    moveCandidates(carried, pending);
    known = -1;
  }

  private void moveCandidates(PageBitmap from, PageBitmap into) {
    for (long span = spans.nextSet(0); span < spans.size(); span = spans.nextSet(span + 1)) {
      long end = endWord(span);
      for (long i = firstWord(span); i < end; i++) {
        if (from.word(i) != 0) {
          into.orWord(i, from.getAndSetWord(i, 0));
        }
      }
    }
  }

  /** Stops to exclude pages. All pages are candidates at the next {@link #refine}. */
  void excludeNothing() {
    excluded = null;
    all = true;
  }

  /**
   * Drops what need not be looked at; the first time, all pages are candidates before.
   *
   * @param meanwhile called on this thread about once in a second or more often
   */
  Found refine(RamSender.Check meanwhile) throws IOException {
    counting = all;
    if (all) {
      pending.setAll();
      all = false;
    }
    spans.clearAll();
    long parts = Math.ceilDiv(spans.size(), PART_SPANS);
    if (parts == 1) {
      return refine(0, spans.size());
    }
    Found found = Found.NOTHING;
    long atOnce = ForkJoinPool.getCommonPoolParallelism() + 1L;
    for (long part = 0; part < parts; part += atOnce) {
      found = found.plus(refineParts(part, Math.min(parts, part + atOnce)));
      meanwhile.check();
    }
    return found;
  }

  private Found refineParts(long from, long to) throws IOException {
    try {
      return LongStream.range(from, to)
          .parallel()
          .mapToObj(this::refinePart)
          .reduce(Found.NOTHING, Found::plus);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private Found refinePart(long part) {
    try {
      return refine(part * PART_SPANS, Math.min(spans.size(), (part + 1) * PART_SPANS));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Found refine(long from, long to) throws IOException {
    Found found = Found.NOTHING;
    long start = -1;
    for (long span = from; span < to; span++) {
      boolean any = !pending.isEmpty(firstWord(span), endWord(span));
      if (any && start < 0) {
        start = span;
      } else if (!any && start >= 0) {
        found = found.plus(refineSpans(start, span));
        start = -1;
      }
    }
    return start < 0 ? found : found.plus(refineSpans(start, to));
  }

  /** Spans that have pending pages. */
  private Found refineSpans(long from, long to) throws IOException {
    lookUp(from, to);
    Found found = Found.NOTHING;
    long start = -1;
    for (long span = from; span < to; span++) {
      if (mayHaveContent(span)) {
        if (start >= 0) {
          found = found.plus(drop(start, span));
          start = -1;
        }
        found = found.plus(refineSpan(span));
      } else if (start < 0) {
        start = span;
      }
    }
    return start < 0 ? found : found.plus(drop(start, to));
  }

  /**
   * Reads the page maps of spans. Where nothing was sent there is hardly anything to read; where
   * something was, only those parts are worth it whose pending pages are not all excluded.
   */
  private void lookUp(long from, long to) throws IOException {
    populated.clearWords(firstWord(from), endWord(to - 1));
    long start = -1;
    for (long span = from; span < to; span++) {
      if (sent.isEmpty(firstWord(span), endWord(span))) {
        start = start < 0 ? firstWord(span) : start;
      } else {
        lookUpWords(start, firstWord(span));
        start = -1;
        lookUpGroups(span);
      }
    }
    lookUpWords(start, endWord(to - 1));
  }

  private void lookUpGroups(long span) throws IOException {
    long start = -1;
    for (long group = firstWord(span); group < endWord(span); group += GROUP_WORDS) {
      long wanted = 0;
      for (long i = group; i < Math.min(endWord(span), group + GROUP_WORDS); i++) {
        wanted |= pending.word(i) & ~excluded(i);
      }
      if (wanted != 0 && start < 0) {
        start = group;
      } else if (wanted == 0) {
        lookUpWords(start, group);
        start = -1;
      }
    }
    lookUpWords(start, endWord(span));
  }

  /** Does nothing if {@code from} is negative. */
  private void lookUpWords(long from, long to) throws IOException {
    if (from >= 0) {
      block.addPopulated(from << 6, Math.min(pending.size(), to << 6) - (from << 6), populated);
    }
  }

  /** Reads the page maps of a span anew: the balloon may have taken pages since the sync. */
  void lookUpAgain(long fromWord, long toWord) throws IOException {
    populated.clearWords(fromWord, toWord);
    lookUpWords(fromWord, toWord);
  }

  private boolean mayHaveContent(long span) {
    return !populated.isEmpty(firstWord(span), endWord(span))
        || !sent.isEmpty(firstWord(span), endWord(span));
  }

  /** Drops whole spans: nothing in them has memory, or did when it was sent. */
  private Found drop(long from, long to) {
    long excludedPages = 0;
    long pendingPages = 0;
    if (counting) {
      long first = firstWord(from) << 6;
      pendingPages = Math.min(pending.size(), endWord(to - 1) << 6) - first;
      excludedPages = excludedPages(firstWord(from), endWord(to - 1));
    }
    pending.clearWords(firstWord(from), endWord(to - 1));
    return new Found(0, excludedPages, pendingPages - excludedPages);
  }

  private long excludedPages(long fromWord, long toWord) {
    PageBitmap out = excluded;
    if (out == null) {
      return 0;
    }
    if (wordsPerHostPage <= 1) {
      long first = fromWord << 6;
      return out.cardinality(first, Math.min(out.size(), toWord << 6) - first);
    }
    long pages = 0;
    for (long i = fromWord; i < toWord; i++) {
      pages += Long.bitCount(excluded(i));
    }
    return pages;
  }

  private Found refineSpan(long span) {
    long candidates = 0;
    long dropped = 0;
    long unpopulated = 0;
    long end = endWord(span);
    for (long i = firstWord(span); i < end; i++) {
      long word = pending.word(i);
      long there = populated.word(i);
      long kept = 0;
      if (word != 0) {
        long wanted = word & ~excluded(i);
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
    return new Found(candidates, dropped, unpopulated);
  }

  private static long firstWord(long span) {
    return span * SPAN_WORDS;
  }

  private long endWord(long span) {
    return Math.min(wordCount(), firstWord(span + 1));
  }

  /** Gives host memory back; nothing is asked of this any more. */
  void release() throws IOException {
    pending.release();
    carried.release();
    spans.release();
    populated.release();
    sent.release();
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
   * Remembers the host page that was excluded last until the next fetch: what was excluded then may
   * still be dropped, for the reason that this class gives.
   */
  private boolean hostPageExcluded(PageBitmap out, long hostPage) {
    if (known == hostPage) {
      return true;
    }
    long pages = wordsPerHostPage * Long.SIZE;
    long end = (hostPage + 1) * pages;
    boolean whole = out.nextClear(hostPage * pages, end) == end;
    if (whole) {
      known = hostPage;
    }
    return whole;
  }
}
