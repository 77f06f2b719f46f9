package dev.ballast.migration.source;

import dev.ballast.migration.channel.SegmentWindows;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.ZeroPages;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Sends the candidates of one block: those with content in runs, those that are zero only if the
 * destination may have something else there. Pages without host memory are not touched. One thread.
 */
final class RamSender {
  /** Pages that are taken, looked up and sent in one go: 128 MiB. */
  private static final long SPAN_WORDS = 512;

  /** Page maps are read for so many pages at once, if one of them is a candidate: 2 MiB. */
  private static final long GROUP_WORDS = 8;

  /** Runs end here, so that what was checksummed is still cached when it is sent: 512 KiB. */
  private static final int RUN_PAGES = 128;

  private final int number;
  private final RamBlock block;
  private final MemorySegment memory;
  private final SegmentWindows windows;
  private final CandidateSet candidates;
  private final FrameWriter writer;
  private final ProgressCounters counters;
  private final PageBitmap span;
  private final PageBitmap populated;
  private final PageBitmap sent;

  private Check check = () -> {};
  private long pagesSinceCheck;
  private long contentStart;
  private int contentPages;
  private long zeroStart;
  private long zeroPages;

  /**
   * @param number of the block in frame headers
   * @param block the block
   * @param candidates what to send
   * @param writer where to
   * @param counters what to count in
   */
  RamSender(
      int number,
      RamBlock block,
      CandidateSet candidates,
      FrameWriter writer,
      ProgressCounters counters) {
    this.number = number;
    this.block = block;
    this.memory = block.memory();
    this.windows = new SegmentWindows(memory);
    this.candidates = candidates;
    this.writer = writer;
    this.counters = counters;
    this.span = PageBitmap.allocate(block.pages());
    this.populated = PageBitmap.allocate(block.pages());
    this.sent = PageBitmap.allocate(block.pages());
  }

  int number() {
    return number;
  }

  RamBlock block() {
    return block;
  }

  CandidateSet candidates() {
    return candidates;
  }

  /** What is done now and then during a pass: looks for a cancel and for bad news from the peer. */
  @FunctionalInterface
  interface Check {
    void check() throws IOException;
  }

  /**
   * Takes and sends all candidates.
   *
   * @param first whether this is the first pass, which counts what is left out
   * @param check called now and then
   */
  void sendPass(boolean first, Check check) throws IOException {
    this.check = check;
    long words = span.wordCount();
    for (long from = 0; from < words; from += SPAN_WORDS) {
      long to = Math.min(words, from + SPAN_WORDS);
      if (takeSpan(from, to, first)) {
        lookUpPopulated(from, to);
        keepWorthwhile(from, to, first);
        sendSpan(from << 6, Math.min(span.size(), to << 6));
        writer.keepAlive();
        check.check();
      }
    }
  }

  private boolean takeSpan(long from, long to, boolean first) {
    long any = 0;
    long taken = 0;
    long skipped = 0;
    for (long i = from; i < to; i++) {
      long word = candidates.take(i);
      if (word != 0) {
        taken += Long.bitCount(word);
        long excluded = candidates.excluded(i);
        skipped += Long.bitCount(word & excluded);
        word &= ~excluded;
        any |= word;
      }
      span.setWord(i, word);
    }
    counters.taken(taken);
    if (first) {
      counters.skipped(skipped);
    }
    return any != 0;
  }

  private void lookUpPopulated(long from, long to) throws IOException {
    long start = -1;
    for (long group = from; group < to; group += GROUP_WORDS) {
      long any = 0;
      for (long i = group; i < Math.min(to, group + GROUP_WORDS); i++) {
        any |= span.word(i);
        populated.setWord(i, 0);
      }
      if (any != 0 && start < 0) {
        start = group;
      } else if (any == 0 && start >= 0) {
        addPopulated(start, group);
        start = -1;
      }
    }
    if (start >= 0) {
      addPopulated(start, to);
    }
  }

  private void addPopulated(long fromWord, long toWord) throws IOException {
    long first = fromWord << 6;
    block.addPopulated(first, Math.min(span.size(), toWord << 6) - first, populated);
  }

  /** Drops pages that are zero without a look, and of which the destination has nothing else. */
  private void keepWorthwhile(long from, long to, boolean first) {
    long unpopulated = 0;
    for (long i = from; i < to; i++) {
      long word = span.word(i);
      if (word != 0) {
        long there = populated.word(i);
        unpopulated += Long.bitCount(word & ~there);
        span.setWord(i, word & (there | sent.word(i)));
      }
    }
    if (first) {
      counters.unpopulated(unpopulated);
    }
  }

  private void sendSpan(long first, long end) throws IOException {
    long scanned = 0;
    for (long page = span.nextSet(first); page < end; page = span.nextSet(page + 1)) {
      boolean zero = true;
      if (populated.get(page)) {
        zero = ZeroPages.isZero(memory, page * RamBlock.PAGE_SIZE);
        scanned++;
      }
      if (zero) {
        zero(page);
      } else {
        content(page);
      }
    }
    endContent();
    endZero();
    counters.scanned(scanned);
  }

  private void content(long page) throws IOException {
    if (page != contentStart + contentPages || contentPages == RUN_PAGES) {
      endContent();
      contentStart = page;
    }
    contentPages++;
  }

  private void endContent() throws IOException {
    if (contentPages > 0) {
      // Before the write: what is half written when it fails counts as sent.
      sent.set(contentStart, contentPages);
      writer.ramPages(number, windows, contentStart, contentPages);
      counters.normal(contentPages);
      pagesSinceCheck += contentPages;
      if (pagesSinceCheck >= RUN_PAGES) {
        pagesSinceCheck = 0;
        check.check();
      }
      contentPages = 0;
    }
  }

  private void zero(long page) throws IOException {
    counters.zero(1);
    if (sent.remove(page)) {
      if (page != zeroStart + zeroPages) {
        endZero();
        zeroStart = page;
      }
      zeroPages++;
    }
  }

  private void endZero() throws IOException {
    if (zeroPages > 0) {
      writer.zeroPages(number, zeroStart, zeroPages);
      zeroPages = 0;
    }
  }
}
