package dev.ballast.migration.source;

import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.MemoryDigest;
import dev.ballast.migration.protocol.Protocol;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Sends digests of a block. */
final class DigestSender {
  /** Digests in a frame: few, so that both sides compute at the same time. */
  private static final int PER_FRAME = 8;

  private DigestSender() {}

  /**
   * Computes and sends them all.
   *
   * @param number of the block in frame headers
   * @param digest of the block
   * @param writer the frames go there
   */
  static void send(int number, MemoryDigest digest, FrameWriter writer) throws IOException {
    ByteBuffer payload = ByteBuffer.allocate(PER_FRAME * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    long first = 0;
    long next = 0;
    while (next < digest.pages()) {
      long pages = Math.min(Protocol.DIGEST_PAGES, digest.pages() - next);
      payload.putLong(digest.of(next, pages));
      next += pages;
      if (!payload.hasRemaining() || next == digest.pages()) {
        writer.frame(FrameType.VERIFY, number, first, next - first, payload.flip());
        writer.flush();
        payload.clear();
        first = next;
      }
      writer.keepAlive();
    }
  }
}
