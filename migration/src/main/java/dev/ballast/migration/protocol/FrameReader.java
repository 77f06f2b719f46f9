package dev.ballast.migration.protocol;

import dev.ballast.migration.channel.MigrationChannel;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Reads frames: first a header, whose fields the accessors return, then its payload. Nothing is
 * trusted; no length is larger than its type allows. One thread.
 */
public final class FrameReader implements AutoCloseable {
  /** Small, because what is read ahead must be copied once more if it belongs into guest RAM. */
  private static final int BUFFER_BYTES = 32 << 10;

  private final MigrationChannel channel;
  private final Arena arena = Arena.ofShared();
  private final ByteBuffer buffer =
      arena.allocate(BUFFER_BYTES).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN).limit(0);
  private final ByteBuffer view = buffer.duplicate();
  private final FrameHeader header = new FrameHeader();

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
    } while (header.type == FrameType.KEEPALIVE);
    return header.type;
  }

  /** Waits for a frame of any type and reads its header. */
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
    return header.type;
  }

  /**
   * Reads the header of the next frame other than {@link FrameType#KEEPALIVE} if it has arrived,
   * without waiting. Frames that arrived before the end of the stream are returned before the end
   * is reported.
   *
   * @return its type, or null if none has arrived
   * @throws EOFException if none has arrived, and the peer closed the connection
   */
  public @Nullable FrameType poll() throws IOException {
    FrameType buffered = pollBuffer();
    if (buffered != null) {
      return buffered;
    }
    try {
      buffer.compact();
      channel.readAvailable(buffer);
    } finally {
      buffer.flip();
    }
    return pollBuffer();
  }

  private @Nullable FrameType pollBuffer() throws ProtocolException {
    while (buffer.remaining() >= Protocol.HEADER_BYTES) {
      header();
      if (header.type != FrameType.KEEPALIVE) {
        return header.type;
      }
    }
    return null;
  }

  /**
   * Checks, without waiting, that the peer has not given up. What it has sent can still be read.
   *
   * @throws EOFException if it closed the connection and nothing that it sent is left
   * @throws PeerFailedException if what comes next is {@link FrameType#ERROR} or {@link
   *     FrameType#CANCEL}
   */
  public void checkPeer() throws IOException {
    if (buffer.remaining() < Protocol.HEADER_BYTES) {
      try {
        buffer.compact();
        channel.readAvailable(buffer);
      } finally {
        buffer.flip();
      }
    }
    if (buffer.remaining() >= Protocol.HEADER_BYTES) {
      header.read(buffer, view, buffer.position());
      if (header.type == FrameType.ERROR || header.type == FrameType.CANCEL) {
        next();
        throw unexpected("the peer gave up");
      }
    }
  }

  private void header() throws ProtocolException {
    int at = buffer.position();
    header.read(buffer, view, at);
    buffer.position(at + Protocol.HEADER_BYTES);
  }

  /** Returns the type. */
  public FrameType type() {
    return header.type;
  }

  /** Returns whether a flag is set. */
  public boolean has(int flag) {
    return (header.flags & flag) != 0;
  }

  /** Returns the number of the RAM block, unchecked. */
  public int block() {
    return header.block;
  }

  /** Returns the first page, unchecked. */
  public long page() {
    return header.page;
  }

  /** Returns the number of pages, unchecked. */
  public long pages() {
    return header.pages;
  }

  /** Returns the length of the payload in bytes, at most what the type allows. */
  public int length() {
    return header.length;
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
      throw new EOFException(e.getMessage() + " in the middle of a " + header.type + " frame");
    }
  }

  /** Reads and checks the whole payload. */
  public byte[] payload() throws IOException {
    byte[] payload = new byte[header.length];
    ByteBuffer into = ByteBuffer.wrap(payload);
    read(into);
    checkPayload(into.flip());
    return payload;
  }

  /** Compares the checksum of the payload, or of the part of it that has one, with the header's. */
  public void checkPayload(ByteBuffer covered) throws ProtocolException {
    header.checkPayload(covered);
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

  /** Frees the buffer; nothing can be read afterwards. */
  @Override
  public void close() {
    arena.close();
  }

  /** Returns an exception for the frame whose header was read, and which is not allowed here. */
  public IOException unexpected(String expectation) throws IOException {
    if (header.type == FrameType.ERROR) {
      return new PeerFailedException(Messages.Failure.decode(payload()).reason());
    }
    if (header.type == FrameType.CANCEL) {
      return new PeerFailedException("the migration was cancelled at the source");
    }
    return new ProtocolException(header.type + ": not now, " + expectation);
  }
}
