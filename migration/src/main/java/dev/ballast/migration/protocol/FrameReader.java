package dev.ballast.migration.protocol;

import dev.ballast.migration.channel.MigrationChannel;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads frames: first a header, whose fields the accessors return, then its payload. Nothing is
 * trusted; no length is larger than its type allows. One thread.
 */
public final class FrameReader {
  /** Little is read ahead: what is must be copied once more if it belongs into guest RAM. */
  private static final int BUFFER_BYTES = 32 << 10;

  private final MigrationChannel channel;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN).limit(0);
  private final ByteBuffer view = buffer.duplicate();
  private final CRC32C crc = new CRC32C();
  private FrameType type = FrameType.KEEPALIVE;
  private int flags;
  private int block;
  private int payloadChecksum;
  private long page;
  private long pages;
  private int length;

  /**
   * @param channel to read from
   */
  public FrameReader(MigrationChannel channel) {
    this.channel = channel;
  }

  /** Waits for a frame other than {@link FrameType#KEEPALIVE} and reads its header. */
  public FrameType next() throws IOException {
    do {
      nextOrKeepAlive();
    } while (type == FrameType.KEEPALIVE);
    return type;
  }

  /** Waits for a frame, whichever it is, and reads its header. */
  public FrameType nextOrKeepAlive() throws IOException {
    while (buffer.remaining() < Protocol.HEADER_BYTES) {
      boolean between = !buffer.hasRemaining();
      try {
        buffer.compact();
        channel.readSome(buffer);
      } catch (EOFException e) {
        throw between ? e : new EOFException(e.getMessage() + " in the middle of a frame");
      } finally {
        buffer.flip();
      }
    }
    header();
    return type;
  }

  /** Reads the header of a frame that is there, without waiting; null if there is none. */
  public @Nullable FrameType poll() throws IOException {
    try {
      buffer.compact();
      if (buffer.hasRemaining()) {
        channel.readAvailable(buffer);
      }
    } finally {
      buffer.flip();
    }
    while (buffer.remaining() >= Protocol.HEADER_BYTES) {
      header();
      if (type != FrameType.KEEPALIVE) {
        return type;
      }
    }
    return null;
  }

  private void header() throws ProtocolException {
    int at = buffer.position();
    int magic = buffer.getInt(at);
    if (magic != Protocol.MAGIC) {
      throw new ProtocolException(
          String.format("not a migration stream: a frame starts with 0x%08x", magic));
    }
    crc.reset();
    crc.update(view.limit(at + Protocol.HEADER_BYTES - Integer.BYTES).position(at));
    if ((int) crc.getValue() != buffer.getInt(at + 36)) {
      throw new ProtocolException("a frame header was damaged on its way: wrong checksum");
    }
    int code = buffer.getShort(at + 4) & 0xffff;
    flags = buffer.getShort(at + 6) & 0xffff;
    block = buffer.getInt(at + 8);
    payloadChecksum = buffer.getInt(at + 12);
    page = buffer.getLong(at + 16);
    pages = buffer.getLong(at + 24);
    length = buffer.getInt(at + 32);
    buffer.position(at + Protocol.HEADER_BYTES);
    FrameType found = FrameType.of(code);
    if (found == null) {
      throw new ProtocolException("unknown frame type " + code);
    }
    type = found;
    if ((flags & ~Protocol.ALL_FLAGS) != 0) {
      throw new ProtocolException(String.format("%s: unknown flags 0x%x", type, flags));
    }
    if (length < 0 || length > type.maxPayload()) {
      throw new ProtocolException(
          type
              + ": "
              + Integer.toUnsignedLong(length)
              + " bytes of payload, the limit is "
              + type.maxPayload());
    }
  }

  /** Returns the type. */
  public FrameType type() {
    return type;
  }

  /** Tells whether a flag is set. */
  public boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /** Returns the number of the block, unchecked. */
  public int block() {
    return block;
  }

  /** Returns the first page, unchecked. */
  public long page() {
    return page;
  }

  /** Returns the number of pages, unchecked. */
  public long pages() {
    return pages;
  }

  /** Returns the length of the payload, at most what the type allows. */
  public int length() {
    return length;
  }

  /** Reads as much of the payload as remains in {@code into}. */
  public void read(ByteBuffer into) throws IOException {
    int buffered = Math.min(into.remaining(), buffer.remaining());
    if (buffered > 0) {
      int end = buffer.position() + buffered;
      into.put(view.limit(end).position(buffer.position()));
      buffer.position(end);
    }
    try {
      channel.read(into);
    } catch (EOFException e) {
      throw new EOFException(e.getMessage() + " in the middle of a " + type + " frame");
    }
  }

  /** Reads and checks the whole payload. */
  public byte[] payload() throws IOException {
    byte[] payload = new byte[length];
    ByteBuffer into = ByteBuffer.wrap(payload);
    read(into);
    checkPayload(into.flip());
    return payload;
  }

  /** Compares the checksum of the payload, or of the part of it that has one, with the header's. */
  public void checkPayload(ByteBuffer covered) throws ProtocolException {
    if (has(Protocol.FLAG_PAYLOAD_CHECKSUM)) {
      crc.reset();
      crc.update(covered);
      if ((int) crc.getValue() != payloadChecksum) {
        throw new ProtocolException(type + ": the payload was damaged on its way: wrong checksum");
      }
    }
  }

  /**
   * Waits for a frame that must be of one type.
   *
   * @throws PeerFailedException if it is {@link FrameType#ERROR} or {@link FrameType#CANCEL}
   * @throws ProtocolException if it is of yet another type
   */
  public void expect(FrameType expected) throws IOException {
    if (next() != expected) {
      throw unexpected("expected " + expected);
    }
  }

  /** Turns the frame whose header was read, and which is out of place, into an exception. */
  public IOException unexpected(String expectation) throws IOException {
    if (type == FrameType.ERROR) {
      return new PeerFailedException(Messages.Failure.decode(payload()).reason());
    }
    if (type == FrameType.CANCEL) {
      return new PeerFailedException("the migration was cancelled at the source");
    }
    return new ProtocolException(type + ": not now, " + expectation);
  }
}
