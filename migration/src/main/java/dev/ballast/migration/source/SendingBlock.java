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
  /** Pages that are taken, looked up and sent in one go: 32 MiB. */
  static final long SPAN_WORDS = 128;

  private final int number;
  private final RamBlock block;
  private final CandidateSet candidates;

  /** What is left of the span that a stream has taken. */
  private final PageBitmap span;

  /** Which pages of it have host memory. */
  private final PageBitmap populated;

  /** Which pages the destination may have with content. */
  private final PageBitmap sent;

  private final AtomicLong nextWord = new AtomicLong();

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

  PageBitmap span() {
    return span;
  }

  PageBitmap populated() {
    return populated;
  }

  PageBitmap sent() {
    return sent;
  }

  /** Starts a pass: no stream is sending. */
  void startPass() {
    nextWord.set(0);
  }

  /** Gives host memory back; no stream is sending, and none will. */
  void release() throws IOException {
    candidates.release();
    span.release();
    populated.release();
    sent.release();
  }

  /** Takes the next span of the pass; returns its first word, or -1 if there is none left. */
  long nextSpan() {
    long from = nextWord.getAndAdd(SPAN_WORDS);
    return from < span.wordCount() ? from : -1;
  }
}
