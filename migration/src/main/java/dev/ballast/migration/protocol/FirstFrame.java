package dev.ballast.migration.protocol;

import dev.ballast.migration.channel.Opening;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/**
 * What a connection must say before a destination does anything for it: one whole frame of a type.
 * Whatever else connects to the port, a health check or a scanner, is told off and costs nothing.
 */
public final class FirstFrame implements Opening {
  private final FrameType type;
  private final Consumer<IOException> refused;
  private final FrameHeader header = new FrameHeader();

  /**
   * @param type the only type that is taken, with at most 64 bytes of payload
   * @param refused is told why a connection is refused
   */
  public FirstFrame(FrameType type, Consumer<IOException> refused) {
    this.type = type;
    this.refused = refused;
  }

  @Override
  public int maxBytes() {
    return Protocol.HEADER_BYTES + type.maxPayload();
  }

  @Override
  public int bytesWanted(ByteBuffer received) throws IOException {
    ByteBuffer bytes = received.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.remaining() < Protocol.HEADER_BYTES) {
      if (bytes.remaining() >= Integer.BYTES) {
        FrameHeader.checkMagic(bytes, 0);
      }
      return Protocol.HEADER_BYTES;
    }
    header.read(bytes, bytes.duplicate(), 0);
    if (header.type != type) {
      throw new ProtocolException(
          header.type + ": not now, the destination expects one of [" + type + "]");
    }
    return Protocol.HEADER_BYTES + header.length;
  }

  @Override
  public ByteBuffer refuse(IOException why) {
    refused.accept(why);
    return FrameWriter.encode(
        FrameType.ERROR, new Messages.Failure(String.valueOf(why.getMessage())).encode());
  }
}
