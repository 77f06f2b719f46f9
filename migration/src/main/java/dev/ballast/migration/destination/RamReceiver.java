package dev.ballast.migration.destination;

import dev.ballast.migration.channel.SegmentWindows;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.PageDecompressor;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Receives the pages of one stream straight into guest RAM. One thread at a time.
 *
 * <p>Compressed pages, too, are written where they belong, and not into a buffer first: there is no
 * guest yet that could see them half done, neither library writes past the end that it is given,
 * whatever its input, and a frame that fails to decompress ends the migration, as one that is cut
 * short does.
 */
final class RamReceiver implements AutoCloseable {
  private final ReceivingBlocks blocks;
  private final @Nullable PageDecompressor decompressor;
  private final Map<ReceivingBlock, SegmentWindows> windows = new HashMap<>();
  private final CRC32C crc = new CRC32C();
  private final ByteBuffer checksums =
      ByteBuffer.allocate(Protocol.MAX_RUN_PAGES * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);

  /**
   * @param blocks the pages go there; shared with other streams
   * @param compression how pages may be compressed
   * @throws IOException if this host has no such library; the message is for the user
   */
  RamReceiver(ReceivingBlocks blocks, PageCompression compression) throws IOException {
    this.blocks = blocks;
    this.decompressor = PageDecompressor.open(compression);
    for (ReceivingBlock block : blocks.all()) {
      windows.put(block, new SegmentWindows(block.block().memory()));
    }
  }

  /** Checks the range in a header against the block; returns the first page. */
  private static long checkRange(FrameReader reader, RamBlock block, long maxPages)
      throws ProtocolException {
    long page = reader.page();
    long pages = reader.pages();
    long total = block.pages();
    if (page < 0 || pages < 1 || pages > maxPages || pages > total || page > total - pages) {
      throw new ProtocolException(
          "%s: page %s, %s of them; block %s has %d, a frame at most %d"
              .formatted(
                  reader.type(),
                  Long.toUnsignedString(page),
                  Long.toUnsignedString(pages),
                  block.name(),
                  total,
                  maxPages));
    }
    return page;
  }

  /** Handles a {@code RAM_PAGES} frame. */
  void pages(FrameReader reader) throws IOException {
    if (reader.has(Protocol.FLAG_COMPRESSED)) {
      compressedPages(reader);
    } else {
      plainPages(reader);
    }
  }

  private void compressedPages(FrameReader reader) throws IOException {
    if (decompressor == null) {
      throw new ProtocolException("RAM_PAGES: compressed, but CONFIG named no compression");
    }
    if (reader.has(Protocol.FLAG_PAGE_CHECKSUMS)) {
      throw new ProtocolException("RAM_PAGES: compressed, and with a checksum for each page");
    }
    ReceivingBlock block = blocks.named(reader);
    SegmentWindows memory = windows.get(block);
    long first = checkRange(reader, block.block(), Protocol.MAX_COMPRESSED_PAGES);
    int pages = (int) reader.pages();
    int content = pages * RamBlock.PAGE_SIZE;
    int length = reader.length();
    if (memory == null || length < 1 || length >= content) {
      throw new ProtocolException(
          "RAM_PAGES: %d bytes of payload for %d compressed pages, expected 1 to %d"
              .formatted(length, pages, content - 1));
    }
    ByteBuffer compressed = decompressor.input(length);
    reader.read(compressed);
    reader.checkPayload(compressed.flip());
    block.expect(first, pages);
    decompressor.decompress(memory.piece(first * RamBlock.PAGE_SIZE, content));
    if (reader.has(Protocol.FLAG_PAYLOAD_CHECKSUM)) {
      for (long page = first; page < first + pages; page++) {
        block.checked(page, true);
      }
    }
  }

  private void plainPages(FrameReader reader) throws IOException {
    ReceivingBlock block = blocks.named(reader);
    SegmentWindows memory = windows.get(block);
    long first = checkRange(reader, block.block(), Protocol.MAX_RUN_PAGES);
    int pages = (int) reader.pages();
    boolean checked = reader.has(Protocol.FLAG_PAGE_CHECKSUMS);
    int table = checked ? pages * Integer.BYTES : 0;
    int content = pages * RamBlock.PAGE_SIZE;
    if (memory == null || reader.length() != table + content) {
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
    block.expect(first, pages);
    reader.read(memory.piece(first * RamBlock.PAGE_SIZE, content));
    if (checked) {
      compare(block, memory, first, pages);
    }
  }

  /**
   * A running guest may write to a page between its checksum and its way into the socket. Such a
   * page is dirty, and comes again; if it does not, it was damaged.
   */
  private void compare(ReceivingBlock block, SegmentWindows memory, long first, int pages) {
    for (int i = 0; i < pages; i++) {
      long page = first + i;
      crc.reset();
      crc.update(memory.piece(page * RamBlock.PAGE_SIZE, RamBlock.PAGE_SIZE));
      block.checked(page, (int) crc.getValue() == checksums.getInt(i * Integer.BYTES));
    }
  }

  /** Handles a {@code ZERO_PAGES} frame. */
  void zeroPages(FrameReader reader) throws IOException {
    ReceivingBlock block = blocks.named(reader);
    long first = checkRange(reader, block.block(), block.block().pages());
    block.discard(first, first + reader.pages());
  }

  /** Frees the memory of the decompression. */
  @Override
  public void close() {
    if (decompressor != null) {
      decompressor.close();
    }
  }
}
