package dev.ballast.migration.protocol;

import dev.ballast.migration.channel.Opening;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a connection must send before a destination does anything for it: a source {@code HELLO},
 * which is answered, and the whole of {@code CONFIG}; a further connection for pages {@code
 * STREAM}. Anything else that connects to the port, such as a health check or a scanner, is
 * refused; a slow connection does not delay the others.
 */
public final class FirstFrames implements Opening {
  private final FrameType due;
  private final int maxVersion;
  private final Consumer<IOException> refused;

  /**
   * @param due {@link FrameType#HELLO} to hand out sources, {@link FrameType#STREAM} to hand out
   *     further connections; the others have to wait
   * @param maxVersion the newest protocol version to accept
   * @param refused called with the reason for each connection that is refused
   */
  public FirstFrames(FrameType due, int maxVersion, Consumer<IOException> refused) {
    this.due = due;
    this.maxVersion = maxVersion;
    this.refused = refused;
  }

  @Override
  public Introduction begin() {
    return new FrameIntroduction(maxVersion);
  }

  @Override
  public boolean isDue(Introduction introduction) {
    return introduction instanceof FrameIntroduction frames && frames.first.type == due;
  }

  @Override
  public ByteBuffer refuse(IOException why) {
    refused.accept(why);
    return FrameWriter.encode(
        FrameType.ERROR, new Messages.Failure(String.valueOf(why.getMessage())).encode());
  }

  private static final class FrameIntroduction implements Introduction {
    private final int maxVersion;
    private final FrameHeader first = new FrameHeader();
    private final FrameHeader config = new FrameHeader();

    /** The answer to {@code HELLO}, until it is returned. */
    private @Nullable ByteBuffer reply;

    /** Where {@code CONFIG} starts; 0 until that is known. */
    private int configAt;

    FrameIntroduction(int maxVersion) {
      this.maxVersion = maxVersion;
    }

    @Override
    public int bytesWanted(ByteBuffer received) throws IOException {
      if (reply != null) {
        return configAt;
      }
      if (configAt > 0) {
        int end = endOfFrame(config, received, configAt);
        check(config, received, configAt, end, FrameType.CONFIG);
        return end;
      }
      int end = endOfFrame(first, received, 0);
      check(first, received, 0, end, FrameType.HELLO, FrameType.STREAM);
      return received.remaining() < end || first.type == FrameType.STREAM ? end : hello(received);
    }

    private int hello(ByteBuffer received) throws IOException {
      byte[] payload = new byte[first.length];
      received.get(Protocol.HEADER_BYTES, payload);
      first.checkPayload(ByteBuffer.wrap(payload));
      int version = Messages.Hello.decode(payload).agree(maxVersion);
      reply = FrameWriter.encode(FrameType.HELLO_REPLY, new Messages.HelloReply(version).encode());
      configAt = Protocol.HEADER_BYTES + first.length;
      return configAt;
    }

    @Override
    public @Nullable ByteBuffer answer() {
      ByteBuffer next = reply;
      reply = null;
      return next;
    }
  }

  /** Reads the header of the frame at {@code at}; returns where the frame ends, or the header. */
  private static int endOfFrame(FrameHeader header, ByteBuffer received, int at)
      throws ProtocolException {
    ByteBuffer bytes = received.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int there = bytes.remaining() - at;
    if (there >= Protocol.HEADER_BYTES) {
      header.read(bytes, bytes.duplicate(), at);
      return at + Protocol.HEADER_BYTES + header.length;
    }
    if (there >= Integer.BYTES) {
      FrameHeader.checkMagic(bytes, at);
    }
    return at + Protocol.HEADER_BYTES;
  }

  /** Checks the type of a frame, if its header has arrived. */
  private static void check(
      FrameHeader header, ByteBuffer received, int at, int end, FrameType... allowed)
      throws IOException {
    if (received.remaining() - at < Protocol.HEADER_BYTES) {
      return;
    }
    for (FrameType type : allowed) {
      if (header.type == type) {
        return;
      }
    }
    if (header.type == FrameType.CANCEL) {
      throw new PeerFailedException("the migration was cancelled at the source");
    }
    if (header.type != FrameType.ERROR) {
      throw new ProtocolException(
          header.type + ": not now, the destination expects one of [" + allowed[0] + "]");
    }
    if (received.remaining() >= end) {
      byte[] reason = new byte[header.length];
      received.get(at + Protocol.HEADER_BYTES, reason);
      throw new PeerFailedException(Messages.Failure.decode(reason).reason());
    }
  }
}
