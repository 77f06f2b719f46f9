package dev.ballast.migration.protocol;

import dev.ballast.migration.channel.Opening;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a connection must say before a destination does anything for it. Whatever else connects to
 * the port, a health check or a scanner, is told off; a source that takes its time keeps no other
 * waiting.
 */
public abstract sealed class FirstFrames implements Opening {
  private final Consumer<IOException> refused;

  private FirstFrames(Consumer<IOException> refused) {
    this.refused = refused;
  }

  @Override
  public ByteBuffer refuse(IOException why) {
    refused.accept(why);
    return FrameWriter.encode(
        FrameType.ERROR, new Messages.Failure(String.valueOf(why.getMessage())).encode());
  }

  /** A source: {@code HELLO}, which is answered, and the whole of {@code CONFIG}. */
  public static final class OfSource extends FirstFrames {
    private final int maxVersion;

    /**
     * @param maxVersion the newest protocol version to accept
     * @param refused is told why a connection is refused
     */
    public OfSource(int maxVersion, Consumer<IOException> refused) {
      super(refused);
      this.maxVersion = maxVersion;
    }

    @Override
    public Introduction begin() {
      return new SourceIntroduction(maxVersion);
    }
  }

  /** A further connection for pages: {@code STREAM}. */
  public static final class OfStream extends FirstFrames {
    /**
     * @param refused is told why a connection is refused
     */
    public OfStream(Consumer<IOException> refused) {
      super(refused);
    }

    @Override
    public Introduction begin() {
      return new StreamIntroduction();
    }
  }

  /** Returns where a frame ends, or what is needed to know that. */
  private static int endOfFrame(FrameHeader header, ByteBuffer received, int at, FrameType due)
      throws IOException {
    ByteBuffer bytes = received.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    int there = bytes.remaining() - at;
    if (there < Protocol.HEADER_BYTES) {
      if (there >= Integer.BYTES) {
        FrameHeader.checkMagic(bytes, at);
      }
      return at + Protocol.HEADER_BYTES;
    }
    header.read(bytes, bytes.duplicate(), at);
    if (header.type == FrameType.CANCEL) {
      throw new PeerFailedException("the migration was cancelled at the source");
    }
    if (header.type == FrameType.ERROR) {
      byte[] reason = new byte[Math.min(header.length, there - Protocol.HEADER_BYTES)];
      bytes.get(at + Protocol.HEADER_BYTES, reason);
      throw new PeerFailedException(Messages.Failure.decode(reason).reason());
    }
    if (header.type != due) {
      throw new ProtocolException(
          header.type + ": not now, the destination expects one of [" + due + "]");
    }
    return at + Protocol.HEADER_BYTES + header.length;
  }

  private static final class StreamIntroduction implements Introduction {
    private final FrameHeader header = new FrameHeader();

    @Override
    public int bytesWanted(ByteBuffer received) throws IOException {
      return endOfFrame(header, received, 0, FrameType.STREAM);
    }

    @Override
    public @Nullable ByteBuffer answer() {
      return null;
    }
  }

  private static final class SourceIntroduction implements Introduction {
    private final FrameHeader header = new FrameHeader();
    private final int maxVersion;

    /** The answer to {@code HELLO}, until it was given. */
    private @Nullable ByteBuffer reply;

    /** Where {@code CONFIG} starts; 0 until that is known. */
    private int configAt;

    SourceIntroduction(int maxVersion) {
      this.maxVersion = maxVersion;
    }

    @Override
    public int bytesWanted(ByteBuffer received) throws IOException {
      if (configAt == 0) {
        int end = endOfFrame(header, received, 0, FrameType.HELLO);
        return received.remaining() < end ? end : hello(received);
      }
      return reply != null ? configAt : endOfFrame(header, received, configAt, FrameType.CONFIG);
    }

    private int hello(ByteBuffer received) throws IOException {
      byte[] payload = new byte[header.length];
      received.get(Protocol.HEADER_BYTES, payload);
      header.checkPayload(ByteBuffer.wrap(payload));
      int version = Messages.Hello.decode(payload).agree(maxVersion);
      reply = FrameWriter.encode(FrameType.HELLO_REPLY, new Messages.HelloReply(version).encode());
      configAt = Protocol.HEADER_BYTES + header.length;
      return configAt;
    }

    @Override
    public @Nullable ByteBuffer answer() {
      ByteBuffer next = reply;
      reply = null;
      return next;
    }
  }
}
