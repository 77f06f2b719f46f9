package dev.ballast.migration.protocol;

import java.nio.ByteBuffer;

/**
 * Checks the structure of a Zstandard frame (RFC 8878 §3.1.1). The library also decompresses
 * sequences of frames, and frames of formats older than the standard: more than pages need, and
 * more code than a peer should be able to reach.
 */
final class ZstdFrame {
  private static final int MAGIC = 0xFD2FB528;
  private static final int RESERVED = 1 << 3;
  private static final int DICTIONARY = 3;
  private static final int SINGLE_SEGMENT = 1 << 5;
  private static final int CHECKSUM = 1 << 2;
  private static final int BLOCK_HEADER = 3;
  private static final int BLOCK_RLE = 1;

  private ZstdFrame() {}

  /**
   * Checks that a buffer holds one frame, which needs no dictionary and has the expected content
   * size. The content of its blocks is not checked.
   *
   * @param in little-endian, from 0 on
   * @param length of the frame in bytes
   * @param content the length of the content that is expected, in bytes
   * @throws ProtocolException if it is anything else
   */
  static void check(ByteBuffer in, int length, int content) throws ProtocolException {
    need(Integer.BYTES + 1, length);
    int descriptor = in.get(Integer.BYTES) & 0xff;
    if (in.getInt(0) != MAGIC || (descriptor & (RESERVED | DICTIONARY)) != 0) {
      throw new ProtocolException("RAM_PAGES: not a Zstandard frame without a dictionary");
    }
    boolean single = (descriptor & SINGLE_SEGMENT) != 0;
    int at = Integer.BYTES + 1 + (single ? 0 : 1);
    int width = descriptor >>> 6 == 0 && !single ? 0 : 1 << (descriptor >>> 6);
    need(at + width, length);
    long said =
        switch (width) {
          case 2 -> (in.getShort(at) & 0xffff) + 256;
          case 4 -> Integer.toUnsignedLong(in.getInt(at));
          case 8 -> in.getLong(at);
          // None, or one that is less than a page.
          default -> 0;
        };
    if (said != content) {
      throw new ProtocolException(
          "RAM_PAGES: the Zstandard frame says "
              + Long.toUnsignedString(said)
              + " bytes of content, expected "
              + content);
    }
    at += width;
    boolean last = false;
    while (!last) {
      need(at + BLOCK_HEADER, length);
      int header = (in.getShort(at) & 0xffff) | ((in.get(at + 2) & 0xff) << 16);
      last = (header & 1) != 0;
      at += BLOCK_HEADER + (((header >>> 1) & 3) == BLOCK_RLE ? 1 : header >>> 3);
    }
    at += (descriptor & CHECKSUM) != 0 ? Integer.BYTES : 0;
    need(at, length);
    if (at != length) {
      throw new ProtocolException(
          "RAM_PAGES: " + (length - at) + " bytes are left over after the Zstandard frame");
    }
  }

  private static void need(int bytes, int length) throws ProtocolException {
    if (bytes > length) {
      throw new ProtocolException("RAM_PAGES: the Zstandard frame ends too early");
    }
  }
}
