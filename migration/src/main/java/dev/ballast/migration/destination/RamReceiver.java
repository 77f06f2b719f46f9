package dev.ballast.migration.destination;

import dev.ballast.migration.channel.SegmentWindows;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * Takes the pages of one block, straight into its memory. A page that was never received is never
 * touched, not even to become zero. A page that has to become zero is given back to the host with
 * the last page that was received in its host page, and overwritten before that. One thread.
 */
final class RamReceiver {
  private final RamBlock block;
  private final SegmentWindows windows;
  private final long pagesPerHostPage;
  private final PageBitmap received;
  private final PageBitmap suspect;
  private final CRC32C crc = new CRC32C();
  private final ByteBuffer checksums =
      ByteBuffer.allocate(Protocol.MAX_RUN_PAGES * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private long pagesReceived;
  private long pagesDiscarded;

  /**
   * @param block whose memory is all zero
   */
  RamReceiver(RamBlock block) {
    this.block = block;
    this.windows = new SegmentWindows(block.memory());
    this.pagesPerHostPage = block.hostPageSize() / RamBlock.PAGE_SIZE;
    this.received = PageBitmap.allocate(block.pages());
    this.suspect = PageBitmap.allocate(block.pages());
  }

  RamBlock block() {
    return block;
  }

  long pagesReceived() {
    return pagesReceived;
  }

  long pagesDiscarded() {
    return pagesDiscarded;
  }

  /** Checks the range in a header against this block; returns the first page. */
  private long checkRange(FrameReader reader, long maxPages) throws ProtocolException {
    long page = reader.page();
    long pages = reader.pages();
    long total = block.pages();
    if (page < 0 || pages < 1 || pages > maxPages || pages > total || page > total - pages) {
      throw new ProtocolException(
          String.format(
              "%s: page %s, %s of them; block %s has %d, a frame at most %d",
              reader.type(),
              Long.toUnsignedString(page),
              Long.toUnsignedString(pages),
              block.name(),
              total,
              maxPages));
    }
    return page;
  }

  /** Takes a {@code RAM_PAGES} frame. */
  void pages(FrameReader reader) throws IOException {
    long first = checkRange(reader, Protocol.MAX_RUN_PAGES);
    int pages = (int) reader.pages();
    boolean checked = reader.has(Protocol.FLAG_PAGE_CHECKSUMS);
    int table = checked ? pages * Integer.BYTES : 0;
    int content = pages * RamBlock.PAGE_SIZE;
    if (reader.length() != table + content) {
      throw new ProtocolException(
          "RAM_PAGES: "
              + reader.length()
              + " bytes of payload for "
              + pages
              + " pages, expected "
              + (table + content));
    }
    if (checked) {
      reader.read(checksums.clear().limit(table));
      reader.checkPayload(checksums.flip());
    }
    // Before the content: what is half received when the stream breaks counts as received.
    received.set(first, pages);
    pagesReceived += pages;
    reader.read(windows.piece(first * RamBlock.PAGE_SIZE, content));
    if (checked) {
      compare(first, pages);
    }
  }

  /**
   * A running guest may write to a page between its checksum and its way into the socket. Such a
   * page is dirty, and comes again; if it does not, it was damaged.
   */
  private void compare(long first, int pages) {
    for (int i = 0; i < pages; i++) {
      long page = first + i;
      crc.reset();
      crc.update(windows.piece(page * RamBlock.PAGE_SIZE, RamBlock.PAGE_SIZE));
      if ((int) crc.getValue() != checksums.getInt(i * Integer.BYTES)) {
        suspect.add(page);
      } else if (suspect.get(page)) {
        suspect.remove(page);
      }
    }
  }

  /** Takes a {@code ZERO_PAGES} frame. */
  void zeroPages(FrameReader reader) throws IOException {
    long first = checkRange(reader, block.pages());
    discard(first, first + reader.pages());
  }

  /**
   * Discards what was received of the pages in a set: the content of ballooned pages is nobody's.
   */
  void discard(PageBitmap pages) throws IOException {
    pages.forEachRun((first, count) -> discard(first, first + count));
  }

  private void discard(long first, long end) throws IOException {
    for (long page = received.nextSet(first); page < end; ) {
      long runEnd = Math.min(end, received.nextClear(page));
      received.clear(page, runEnd - page);
      suspect.clear(page, runEnd - page);
      long from = holdsNothing(page) ? hostPageOf(page) : page;
      long to = holdsNothing(runEnd - 1) ? hostPageOf(runEnd - 1) + pagesPerHostPage : runEnd;
      block.discard(from, to - from);
      pagesDiscarded += runEnd - page;
      page = received.nextSet(runEnd);
    }
  }

  private long hostPageOf(long page) {
    return page & -pagesPerHostPage;
  }

  /**
   * Tells whether nothing that was received is left in the host page of a page: what is there is
   * zero, so that the host page can go as a whole.
   */
  private boolean holdsNothing(long page) {
    long start = hostPageOf(page);
    return received.nextSet(start) >= start + pagesPerHostPage;
  }

  /** Checks, after the last pass, that every page is as the source sent it. */
  void checkComplete() throws ProtocolException {
    long damaged = suspect.nextSet(0);
    if (damaged < suspect.size()) {
      throw new ProtocolException(
          "RAM_PAGES: page "
              + damaged
              + " of block "
              + block.name()
              + " was damaged on its way (wrong checksum), and "
              + (suspect.cardinality() - 1)
              + " others");
    }
  }
}
