package dev.ballast.migration.source;

import dev.ballast.migration.channel.SegmentWindows;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.memory.ZeroPages;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Sends candidates of one block over one stream: those with content in runs, those that are zero
 * only if the destination may have something else there. Pages without host memory at the last sync
 * are not touched. Where reading would populate a page again, neither are pages that lost their
 * memory since. Poisoned pages are sent as zeros. One thread.
 */
final class RamSender {
  /** Runs end at multiples of this, so that whole huge pages arrive in one piece. */
  private static final int RUN_PAGES = Protocol.MAX_RUN_PAGES;

  private final SendingBlock sending;
  private final CandidateSet candidates;
  private final Span span;
  private final MemorySegment memory;
  private final SegmentWindows windows;
  private final FrameWriter writer;
  private final ProgressCounters counters;
  private final IoAction check;

  private long pagesSinceCheck;
  private long contentStart;
  private int contentPages;
  private long zeroStart;
  private long zeroPages;

  /**
   * @param sending the block, shared with the other streams
   * @param writer the frames go there
   * @param counters of the migration
   * @param check called now and then during a pass; throws if the migration was cancelled or the
   *     peer gave up
   */
  RamSender(SendingBlock sending, FrameWriter writer, ProgressCounters counters, IoAction check) {
    this.sending = sending;
    this.candidates = sending.candidates();
    this.span = candidates.newSpan();
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
    for (long next = sending.claimSpan(); next >= 0; next = sending.claimSpan()) {
      boolean any = candidates.takeSpan(next, last, span);
      counters.taken(span.taken());
      counters.poisoned(span.poisoned());
      if (any) {
        sendReadable();
        writer.keepAlive();
        check.run();
      }
    }
  }

  /** A page that is lost between the look at the span and its reading is named at least. */
  private void sendReadable() throws IOException {
    try {
      sendSpan();
    } catch (IOException | InternalError e) {
      long end = Math.min(sending.block().pages(), span.firstPage() + span.length());
      throw candidates.poisoned().explain(span.firstPage(), end - span.firstPage(), e);
    }
  }

  private void sendSpan() throws IOException {
    PageBitmap pages = span.pages();
    PageBitmap populated = span.populated();
    long firstPage = span.firstPage();
    long scanned = 0;
    for (long from = pages.nextSet(0); from < span.length(); ) {
      long to = pages.nextClear(from);
      for (long bit = from; bit < to; bit++) {
        long page = firstPage + bit;
        boolean zero = true;
        if (populated.get(bit)) {
          zero = ZeroPages.isZero(memory, page * RamBlock.PAGE_SIZE);
          scanned++;
        }
        if (zero) {
          zero(page);
        } else {
          content(page);
        }
      }
      from = pages.nextSet(to);
    }
    endContent();
    endZero();
    counters.scanned(scanned);
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
      candidates.markSent(contentStart, contentPages);
      writer.ramPages(sending.number(), windows, contentStart, contentPages);
      counters.normal(contentPages);
      pagesSinceCheck += contentPages;
      if (pagesSinceCheck >= RUN_PAGES) {
        pagesSinceCheck = 0;
        check.run();
      }
      contentPages = 0;
    }
  }

  private void zero(long page) throws IOException {
    counters.zero(1);
    if (candidates.clearSent(page)) {
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
