package dev.ballast.migration.destination;

import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.util.concurrent.atomic.LongAdder;

/**
 * Tracks which pages of one block have arrived. A page that was never received is never touched,
 * not even to become zero. A page that has to become zero is overwritten, and is given back to the
 * host once its host page has no other received page. Streams share it: in one pass, each page
 * arrives over one of them.
 */
final class ReceivingBlock {
  /** From this many pages on, populating all of them at once is faster than a fault for each. */
  private static final int BULK_PAGES = 4;

  /** The most pages discarded between two keep-alives: 1 GiB, which takes a tenth of a second. */
  private static final long DISCARD_PAGES = 1 << 18;

  private final RamBlock block;
  private final long pagesPerHostPage;
  private final PageBitmap received;
  private final PageBitmap suspect;
  private final LongAdder pagesReceived = new LongAdder();
  private final LongAdder pagesDiscarded = new LongAdder();

  /**
   * @param block whose memory is all zero
   */
  ReceivingBlock(RamBlock block) {
    this.block = block;
    this.pagesPerHostPage = block.hostPageSize() / RamBlock.PAGE_SIZE;
    this.received = PageBitmap.allocate(block.pages());
    this.suspect = PageBitmap.allocate(block.pages());
  }

  RamBlock block() {
    return block;
  }

  long pagesReceived() {
    return pagesReceived.sum();
  }

  long pagesDiscarded() {
    return pagesDiscarded.sum();
  }

  /** Records that the content of pages is about to be written to the block's memory. */
  void expect(long first, int pages) throws IOException {
    if (pages >= BULK_PAGES && received.nextSet(first, first + pages) == first + pages) {
      block.populate(first, pages);
    }
    // Before the content: what is half received when the stream breaks counts as received.
    if (pagesPerHostPage == 1) {
      received.set(first, pages);
    } else {
      synchronized (this) {
        received.set(first, pages);
      }
    }
    pagesReceived.add(pages);
  }

  /** Records whether a received page had the right checksum. */
  void checked(long page, boolean sound) {
    if (!sound) {
      suspect.add(page);
    } else if (suspect.get(page)) {
      suspect.remove(page);
    }
  }

  /** Discards what was received of pages {@code first} to {@code end - 1}. */
  void discard(long first, long end) throws IOException {
    if (pagesPerHostPage == 1) {
      discardReceived(first, end);
    } else {
      // Another stream may be about to receive a page of the same host page.
      synchronized (this) {
        discardReceived(first, end);
      }
    }
  }

  private void discardReceived(long first, long end) throws IOException {
    for (long page = received.nextSet(first, end); page < end; ) {
      long runEnd = received.nextClear(page, end);
      received.clear(page, runEnd - page);
      suspect.clear(page, runEnd - page);
      long from = holdsNothing(page) ? hostPageOf(page) : page;
      long to = holdsNothing(runEnd - 1) ? hostPageOf(runEnd - 1) + pagesPerHostPage : runEnd;
      block.discard(from, to - from);
      pagesDiscarded.add(runEnd - page);
      page = received.nextSet(runEnd, end);
    }
  }

  private long hostPageOf(long page) {
    return page & -pagesPerHostPage;
  }

  /**
   * Returns whether the host page of a page has no received page left: all of it is zero, so that
   * it can be given back as a whole.
   */
  private boolean holdsNothing(long page) {
    long start = hostPageOf(page);
    long end = start + pagesPerHostPage;
    return received.nextSet(start, end) == end;
  }

  /**
   * Discards what was received of the pages in a set: the content of ballooned pages is of no use.
   *
   * @param keepAlive called after each run that was discarded
   */
  void discard(PageBitmap pages, IoAction keepAlive) throws IOException {
    long first = nextReceived(pages, 0);
    while (first < received.size()) {
      long end = Math.min(received.nextClear(first), pages.nextClear(first));
      end = Math.min(end, first + DISCARD_PAGES);
      discard(first, end);
      keepAlive.run();
      first = nextReceived(pages, end);
    }
  }

  /** Returns the first page from {@code from} on that was received and is in a set. */
  private long nextReceived(PageBitmap pages, long from) {
    long mask = -1L << from;
    for (long i = from >>> 6; i < received.wordCount(); i++) {
      long both = received.word(i) & pages.word(i) & mask;
      if (both != 0) {
        return (i << 6) + Long.numberOfTrailingZeros(both);
      }
      mask = -1L;
    }
    return received.size();
  }

  /** Frees the host memory of its bitmaps; nothing may arrive afterwards. */
  void release() throws IOException {
    received.release();
    suspect.release();
  }

  /** Checks, after the last pass, that every page is as the source sent it. */
  void checkComplete() throws ProtocolException {
    long damaged = suspect.nextSet(0);
    if (damaged < suspect.size()) {
      throw new ProtocolException(
          "RAM_PAGES: page %d of block %s was damaged on its way (wrong checksum), and %d others"
              .formatted(damaged, block.name(), suspect.cardinality() - 1));
    }
  }
}
