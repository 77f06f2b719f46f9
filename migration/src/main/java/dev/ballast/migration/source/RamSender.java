package dev.ballast.migration.source;

import dev.ballast.migration.channel.SegmentWindows;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.ZeroPages;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Sends candidates of one block over one stream: those with content in runs, those that are zero
 * only if the destination may have something else there. Pages that had no host memory at the last
 * sync are not touched, nor are those that lost it since where a look would get it back. One
 * thread.
 */
final class RamSender {
  /** Runs end at multiples of this, so that whole huge pages arrive in one piece. */
  private static final int RUN_PAGES = Protocol.MAX_RUN_PAGES;

  private final SendingBlock sending;
  private final CandidateSet candidates;
  private final PageBitmap span;
  private final PageBitmap populated;
  private final PageBitmap sent;
  private final MemorySegment memory;
  private final SegmentWindows windows;
  private final FrameWriter writer;
  private final ProgressCounters counters;
  private final Check check;

  private long pagesSinceCheck;
  private long contentStart;
  private int contentPages;
  private long zeroStart;
  private long zeroPages;

  /** What is done now and then during a pass: looks for a cancel and for bad news from the peer. */
  @FunctionalInterface
  interface Check {
    void check() throws IOException;
  }

  /**
   * @param sending the block, shared with the other streams
   * @param writer where to
   * @param counters what to count in
   * @param check called now and then
   */
  RamSender(SendingBlock sending, FrameWriter writer, ProgressCounters counters, Check check) {
    this.sending = sending;
    this.candidates = sending.candidates();
    this.span = sending.span();
    this.populated = candidates.populated();
    this.sent = candidates.sent();
    this.memory = sending.block().memory();
    this.windows = new SegmentWindows(memory);
    this.writer = writer;
    this.counters = counters;
    this.check = check;
  }

  /**
   * Takes and sends candidates until the block has no span left in this pass.
   *
   * @param last whether the guest is stopped, so that no write has to be logged any more
   */
  void sendPass(boolean last) throws IOException {
    for (long from = sending.nextSpan(); from >= 0; from = sending.nextSpan()) {
      long to = Math.min(span.wordCount(), from + CandidateSet.SPAN_WORDS);
      if (sending.block().readingPopulates()) {
        candidates.lookUpAgain(from, to);
      }
      if (takeSpan(from, to)) {
        if (!last) {
          // Only what is read next: the guest may have written to any other page since the sync.
          sending.block().protectDirty(populated, from, to);
        }
        sendSpan(from << 6, Math.min(span.size(), to << 6));
        writer.keepAlive();
        check.check();
      }
    }
  }

  private boolean takeSpan(long from, long to) {
    long any = 0;
    long taken = 0;
    for (long i = from; i < to; i++) {
      long word = candidates.take(i);
      if (word != 0) {
        taken += Long.bitCount(word);
        word &= ~candidates.excluded(i);
        any |= word;
        span.setWord(i, word);
      }
      long there = populated.word(i);
      if ((there & ~word) != 0) {
        populated.setWord(i, there & word);
      }
    }
    counters.taken(taken);
    return any != 0;
  }

  /** Sends what is left of a span, and leaves the bitmaps of the span empty. */
  private void sendSpan(long first, long end) throws IOException {
    long scanned = 0;
    for (long from = span.nextSet(first, end); from < end; ) {
      long to = span.nextClear(from, end);
      for (long page = from; page < to; page++) {
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
      from = span.nextSet(to, end);
    }
    endContent();
    endZero();
    counters.scanned(scanned);
    span.clear(first, end - first);
    populated.clear(first, end - first);
  }

  private void content(long page) throws IOException {
    if (page != contentStart + contentPages || page % RUN_PAGES == 0) {
      endContent();
      contentStart = page;
    }
    contentPages++;
  }

  private void endContent() throws IOException {
    if (contentPages > 0) {
      // Before the write: what is half written when it fails counts as sent.
      sent.set(contentStart, contentPages);
      writer.ramPages(sending.number(), windows, contentStart, contentPages);
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
      writer.zeroPages(sending.number(), zeroStart, zeroPages);
      zeroPages = 0;
    }
  }
}
