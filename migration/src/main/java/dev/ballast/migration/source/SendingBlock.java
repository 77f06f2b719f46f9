package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A block that is being sent, by one stream or by several: they take spans of it in turn, so that
 * none waits while another still has much to do. Spans are whole words of the bitmaps here, which
 * streams therefore share without meeting.
 */
final class SendingBlock {
  private final int number;
  private final RamBlock block;
  private final CandidateSet candidates;

  /** What is left of the span that a stream has taken. */
  private final PageBitmap span;

  private final AtomicLong nextSpan = new AtomicLong();

  /**
   * @param number of the block in frame headers
   * @param block the block
   * @param candidates what to send
   */
  SendingBlock(int number, RamBlock block, CandidateSet candidates) {
    this.number = number;
    this.block = block;
    this.candidates = candidates;
    this.span = PageBitmap.allocate(block.pages());
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

  PageBitmap span() {
    return span;
  }

  /** Starts a pass: no stream is sending. */
  void startPass() {
    nextSpan.set(0);
  }

  /** Gives host memory back; no stream is sending, and none will. */
  void release() throws IOException {
    candidates.release();
    span.release();
  }

  /**
   * Takes the next span of the pass that has candidates; returns its first word, or -1 if there is
   * none left.
   */
  long nextSpan() {
    PageBitmap spans = candidates.spans();
    while (true) {
      long from = nextSpan.get();
      long found = spans.nextSet(from);
      if (found == spans.size()) {
        return -1;
      }
      if (nextSpan.compareAndSet(from, found + 1)) {
        return found * CandidateSet.SPAN_WORDS;
      }
    }
  }
}
