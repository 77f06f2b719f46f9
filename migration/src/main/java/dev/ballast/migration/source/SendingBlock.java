package dev.ballast.migration.source;

import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A block that is being sent, by one stream or by several: they take spans of it in turn, so that
 * none is idle while another still has much to send.
 */
final class SendingBlock {
  private final int number;
  private final RamBlock block;
  private final CandidateSet candidates;
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

  /** Starts a pass. Call it while no stream is sending. */
  void startPass() {
    nextSpan.set(0);
  }

  /** Frees the host memory of the bitmaps. No stream may be sending or send afterwards. */
  void release() throws IOException {
    candidates.release();
  }

  /**
   * Returns a span with candidates that no other stream takes in this pass, or -1 if none is left.
   */
  long claimSpan() {
    while (true) {
      long from = nextSpan.get();
      long found = candidates.nextSpan(from);
      if (found < 0 || nextSpan.compareAndSet(from, found + 1)) {
        return found;
      }
    }
  }
}
