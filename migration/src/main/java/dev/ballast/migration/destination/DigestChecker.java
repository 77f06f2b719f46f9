package dev.ballast.migration.destination;

import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.MemoryDigest;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Compares the digests of the source with those of the memory that arrived. One thread. */
final class DigestChecker {
  private final MemoryDigest digest;
  private long next;

  DigestChecker(MemoryDigest digest) {
    this.digest = digest;
  }

  /**
   * Handles a {@code VERIFY} frame.
   *
   * @return whether it was the last
   * @throws IOException if memory is not the same; the message names the pages
   */
  boolean check(FrameReader reader) throws IOException {
    long end =
        Math.min(
            digest.pages(), next + reader.length() / Long.BYTES * (long) Protocol.DIGEST_PAGES);
    if (reader.page() != next
        || reader.length() == 0
        || reader.length() != Math.ceilDiv(end - next, Protocol.DIGEST_PAGES) * Long.BYTES
        || reader.pages() != end - next) {
      throw new ProtocolException(
          "VERIFY: %s digests for %s pages from page %s on; expected page %d"
              .formatted(
                  reader.length() / Long.BYTES,
                  Long.toUnsignedString(reader.pages()),
                  Long.toUnsignedString(reader.page()),
                  next));
    }
    ByteBuffer digests = ByteBuffer.wrap(reader.payload()).order(ByteOrder.LITTLE_ENDIAN);
    while (digests.hasRemaining()) {
      long pages = Math.min(Protocol.DIGEST_PAGES, digest.pages() - next);
      long theirs = digests.getLong();
      long ours = digest.of(next, pages);
      if (theirs != ours) {
        throw new IOException(
            ("memory differs in pages %d to %d (offset 0x%x in ram): digest 0x%016x at the"
                    + " source, 0x%016x at the destination")
                .formatted(next, next + pages - 1, next * RamBlock.PAGE_SIZE, theirs, ours));
      }
      next += pages;
    }
    return next == digest.pages();
  }
}
