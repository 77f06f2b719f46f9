package dev.ballast.migration.protocol;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.SegmentWindows;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Writes frames. Small ones are gathered in a buffer until {@link #flush} or until it is full; long
 * runs of pages go from guest RAM into the socket without a copy, unless they are compressed. One
 * thread.
 */
public final class FrameWriter implements AutoCloseable {
  private static final int BUFFER_BYTES = 256 << 10;

  /** Runs up to this are copied into the buffer: cheaper than a system call. */
  private static final int MAX_COPIED_PAGES = 8;

  private static final long KEEPALIVE_NANOS = 1_000_000_000L;

  private final MigrationChannel channel;
  private final Arena arena = Arena.ofShared();
  private final ByteBuffer buffer =
      arena.allocate(BUFFER_BYTES).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  private final ByteBuffer view = buffer.duplicate();
  private final FrameHeader header = new FrameHeader();
  private final CRC32C crc = new CRC32C();
  private final boolean pageChecksums;
  private @Nullable PageCompressor compressor;
  private long lastFlush = System.nanoTime();

  /**
   * @param channel to write to
   * @param pageChecksums whether pages carry checksums
   */
  public FrameWriter(MigrationChannel channel, boolean pageChecksums) {
    this.channel = channel;
    this.pageChecksums = pageChecksums;
  }

  /**
   * Compresses pages from here on, where that makes them shorter. Call it at most once.
   *
   * @param compression the method that {@code CONFIG} named
   * @param zstdLevel for {@link PageCompression#ZSTD}
   * @throws IOException if this host has no such library; the message is for the user
   */
  public void compress(PageCompression compression, int zstdLevel) throws IOException {
    compressor = PageCompressor.open(compression, zstdLevel);
  }

  /** Writes everything that is buffered to the channel. */
  public void flush() throws IOException {
    if (buffer.position() > 0) {
      channel.write(buffer.flip());
      buffer.clear();
    }
    lastFlush = System.nanoTime();
  }

  private void need(int bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      flush();
    }
  }

  private int checksum(ByteBuffer bytes) {
    return checksum(crc, bytes);
  }

  private static int checksum(CRC32C crc, ByteBuffer bytes) {
    crc.reset();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  private int checksum(int position, int length) {
    return checksum(view.limit(position + length).position(position));
  }

  /** Fills in the header at {@code at}. */
  private void header(
      int at, FrameType type, int flags, int block, long page, long pages, int length, int sum) {
    header.type = type;
    header.flags = flags;
    header.block = block;
    header.page = page;
    header.pages = pages;
    header.length = length;
    header.payloadChecksum = sum;
    header.write(buffer, view, at);
  }

  private int startHeader() throws IOException {
    need(Protocol.HEADER_BYTES);
    int at = buffer.position();
    buffer.position(at + Protocol.HEADER_BYTES);
    return at;
  }

  /** Writes a frame without payload. */
  public void signal(FrameType type) throws IOException {
    signal(type, 0, 0, 0, 0);
  }

  private void signal(FrameType type, int flags, int block, long page, long pages)
      throws IOException {
    header(startHeader(), type, flags, block, page, pages, 0, 0);
  }

  /** Writes {@link FrameType#PASS_END}. */
  public void passEnd(long pass, boolean last) throws IOException {
    signal(FrameType.PASS_END, last ? Protocol.FLAG_FINAL : 0, 0, pass, 0);
  }

  /** Writes {@link FrameType#ZERO_PAGES}. */
  public void zeroPages(int block, long page, long pages) throws IOException {
    signal(FrameType.ZERO_PAGES, 0, block, page, pages);
  }

  /**
   * Writes a frame whose payload is the remaining bytes of a buffer, which starts at position 0.
   */
  public void frame(FrameType type, int block, long page, long pages, ByteBuffer payload)
      throws IOException {
    frame(type, Protocol.FLAG_PAYLOAD_CHECKSUM, block, page, pages, payload);
  }

  private void frame(
      FrameType type, int flags, int block, long page, long pages, ByteBuffer payload)
      throws IOException {
    int length = payload.remaining();
    if (length > type.maxPayload()) {
      throw new IOException(
          type + ": " + length + " bytes of payload, the limit is " + type.maxPayload());
    }
    int sum = 0;
    if ((flags & Protocol.FLAG_PAYLOAD_CHECKSUM) != 0) {
      sum = checksum(payload);
      payload.rewind();
    }
    int at = startHeader();
    header(at, type, flags, block, page, pages, length, sum);
    if (length <= buffer.remaining()) {
      buffer.put(payload);
    } else {
      writeWith(payload);
    }
  }

  /** Writes a frame with a payload. */
  public void frame(FrameType type, byte[] payload) throws IOException {
    frame(type, 0, 0, 0, ByteBuffer.wrap(payload));
  }

  private void writeWith(ByteBuffer payload) throws IOException {
    channel.write(buffer.flip(), payload);
    buffer.clear();
    lastFlush = System.nanoTime();
  }

  /**
   * Writes {@link FrameType#RAM_PAGES}: one frame, or several where pages are compressed. The guest
   * may write to the pages meanwhile: then the checksum of such a page may be wrong, and the page
   * is dirty.
   *
   * @param block the number of the block
   * @param memory its memory
   * @param page the first page
   * @param pages how many, at most {@link Protocol#MAX_RUN_PAGES}
   */
  public void ramPages(int block, SegmentWindows memory, long page, int pages) throws IOException {
    PageCompressor compressing = compressor;
    if (compressing == null) {
      plainPages(block, page, pages, piece(memory, page, pages));
      return;
    }
    for (int done = 0; done < pages; done += Protocol.MAX_COMPRESSED_PAGES) {
      long first = page + done;
      int count = Math.min(Protocol.MAX_COMPRESSED_PAGES, pages - done);
      ByteBuffer compressed = compressing.compress(piece(memory, first, count));
      if (compressed == null) {
        plainPages(block, first, count, compressing.pages());
      } else {
        int checked = pageChecksums ? Protocol.FLAG_PAYLOAD_CHECKSUM : 0;
        int flags = Protocol.FLAG_COMPRESSED | checked;
        frame(FrameType.RAM_PAGES, flags, block, first, count, compressed);
      }
    }
  }

  private static ByteBuffer piece(SegmentWindows memory, long page, int pages) {
    return memory.piece(page * RamBlock.PAGE_SIZE, pages * RamBlock.PAGE_SIZE);
  }

  /** Writes a frame of pages as they are in {@code source}. */
  private void plainPages(int block, long page, int pages, ByteBuffer source) throws IOException {
    int table = pageChecksums ? pages * Integer.BYTES : 0;
    int content = pages * RamBlock.PAGE_SIZE;
    boolean copied = pages <= MAX_COPIED_PAGES;
    need(Protocol.HEADER_BYTES + table + (copied ? content : 0));
    int at = startHeader();
    int tableAt = buffer.position();
    buffer.position(tableAt + table);
    int contentAt = buffer.position();
    int sourceAt = source.position();
    if (copied) {
      buffer.put(source);
    }
    int flags = 0;
    int sum = 0;
    if (pageChecksums) {
      ByteBuffer checked = copied ? view : source;
      int position = copied ? contentAt : sourceAt;
      for (int i = 0; i < pages; i++) {
        int start = position + i * RamBlock.PAGE_SIZE;
        checked.limit(start + RamBlock.PAGE_SIZE).position(start);
        buffer.putInt(tableAt + i * Integer.BYTES, checksum(checked));
      }
      sum = checksum(tableAt, table);
      flags = Protocol.FLAG_PAGE_CHECKSUMS | Protocol.FLAG_PAYLOAD_CHECKSUM;
    }
    header(at, FrameType.RAM_PAGES, flags, block, page, pages, table + content, sum);
    if (!copied) {
      writeWith(source.limit(sourceAt + content).position(sourceAt));
    }
  }

  /** Writes and flushes {@link FrameType#KEEPALIVE} if nothing has been flushed for a second. */
  public void keepAlive() throws IOException {
    if (System.nanoTime() - lastFlush > KEEPALIVE_NANOS) {
      signal(FrameType.KEEPALIVE);
      flush();
    }
  }

  /**
   * Tries to write a last frame to the peer, without waiting; nothing may be written after it. What
   * was not flushed is dropped.
   *
   * @param type {@link FrameType#ERROR} or {@link FrameType#CANCEL}
   * @param payload the payload
   * @return whether it was handed to the socket
   */
  public boolean last(FrameType type, byte[] payload) {
    buffer.clear();
    return channel.writeLast(encode(type, payload));
  }

  /** Returns a frame as bytes, for a connection without a writer. */
  static ByteBuffer encode(FrameType type, byte[] payload) {
    ByteBuffer frame =
        ByteBuffer.allocate(Protocol.HEADER_BYTES + payload.length).order(ByteOrder.LITTLE_ENDIAN);
    FrameHeader header = new FrameHeader();
    header.type = type;
    header.length = payload.length;
    if (payload.length > 0) {
      header.flags = Protocol.FLAG_PAYLOAD_CHECKSUM;
      header.payloadChecksum = checksum(new CRC32C(), ByteBuffer.wrap(payload));
    }
    header.write(frame, frame.duplicate(), 0);
    return frame.put(Protocol.HEADER_BYTES, payload);
  }

  /**
   * Frees the buffer and the memory of the compression. Writes nothing: what was not flushed is
   * dropped.
   */
  @Override
  public void close() {
    if (compressor != null) {
      compressor.close();
      compressor = null;
    }
    arena.close();
  }
}
