package dev.ballast.migration.protocol;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * The 40 bytes that every frame starts with, little-endian. One object is reused for many frames,
 * since each run of pages has a header. One thread.
 */
final class FrameHeader {
  private static final int TYPE = 4;
  private static final int FLAGS = 6;
  private static final int BLOCK = 8;
  private static final int PAYLOAD_CHECKSUM = 12;
  private static final int PAGE = 16;
  private static final int PAGES = 24;
  private static final int LENGTH = 32;
  private static final int CHECKSUM = 36;

  private final CRC32C crc = new CRC32C();
  FrameType type = FrameType.KEEPALIVE;
  int flags;
  int block;
  int payloadChecksum;
  long page;
  long pages;
  int length;

  /**
   * Reads a header and checks it.
   *
   * @param bytes little-endian; position and limit stay
   * @param view the same bytes; position and limit are moved
   * @param at where the header starts
   * @throws ProtocolException if it is not a header, was damaged, has an unknown type or flag, or a
   *     payload longer than its type allows
   */
  void read(ByteBuffer bytes, ByteBuffer view, int at) throws ProtocolException {
    checkMagic(bytes, at);
    if (checksum(view, at) != bytes.getInt(at + CHECKSUM)) {
      throw new ProtocolException("a frame header was damaged on its way: wrong checksum");
    }
    int code = bytes.getShort(at + TYPE) & 0xffff;
    flags = bytes.getShort(at + FLAGS) & 0xffff;
    block = bytes.getInt(at + BLOCK);
    payloadChecksum = bytes.getInt(at + PAYLOAD_CHECKSUM);
    page = bytes.getLong(at + PAGE);
    pages = bytes.getLong(at + PAGES);
    length = bytes.getInt(at + LENGTH);
    FrameType found = FrameType.of(code);
    if (found == null) {
      throw new ProtocolException("unknown frame type " + code);
    }
    type = found;
    if ((flags & ~Protocol.ALL_FLAGS) != 0) {
      throw new ProtocolException("%s: unknown flags 0x%x".formatted(type, flags));
    }
    if (length < 0 || length > type.maxPayload()) {
      throw new ProtocolException(
          "%s: %s bytes of payload, the limit is %d"
              .formatted(type, Integer.toUnsignedString(length), type.maxPayload()));
    }
  }

  /** Compares the checksum of the payload, or of the part of it that has one, with the header's. */
  void checkPayload(ByteBuffer covered) throws ProtocolException {
    if ((flags & Protocol.FLAG_PAYLOAD_CHECKSUM) != 0) {
      crc.reset();
      crc.update(covered);
      if ((int) crc.getValue() != payloadChecksum) {
        throw new ProtocolException(type + ": the payload was damaged on its way: wrong checksum");
      }
    }
  }

  /** Checks the first four bytes of a header. */
  static void checkMagic(ByteBuffer bytes, int at) throws ProtocolException {
    int magic = bytes.getInt(at);
    if (magic != Protocol.MAGIC) {
      throw new ProtocolException(
          "not a migration stream: a frame starts with 0x%08x".formatted(magic));
    }
  }

  /**
   * Writes the header that the fields describe.
   *
   * @param bytes little-endian; position and limit stay
   * @param view the same bytes; position and limit are moved
   * @param at where it starts
   */
  void write(ByteBuffer bytes, ByteBuffer view, int at) {
    bytes
        .putInt(at, Protocol.MAGIC)
        .putShort(at + TYPE, (short) type.code())
        .putShort(at + FLAGS, (short) flags)
        .putInt(at + BLOCK, block)
        .putInt(at + PAYLOAD_CHECKSUM, payloadChecksum)
        .putLong(at + PAGE, page)
        .putLong(at + PAGES, pages)
        .putInt(at + LENGTH, length)
        .putInt(at + CHECKSUM, checksum(view, at));
  }

  private int checksum(ByteBuffer view, int at) {
    crc.reset();
    crc.update(view.limit(at + CHECKSUM).position(at));
    return (int) crc.getValue();
  }
}
