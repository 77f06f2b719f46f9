package dev.ballast.vmm.state;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Reads what {@link StateWriter} wrote; does not trust the source. One thread. */
public final class StateReader {
  private final String section;
  private final ByteBuffer buffer;

  /**
   * @param section the name of the section, for messages
   * @param state the bytes; not copied
   */
  public StateReader(String section, byte[] state) {
    this.section = section;
    this.buffer = ByteBuffer.wrap(state).order(ByteOrder.LITTLE_ENDIAN);
  }

  private ByteBuffer need(long bytes) throws StateFormatException {
    if (bytes > buffer.remaining()) {
      throw new StateFormatException(
          section
              + ": state ends at byte "
              + buffer.limit()
              + ", a field of "
              + bytes
              + " bytes at "
              + buffer.position()
              + " does not fit");
    }
    return buffer;
  }

  /** Reads 8 bits, unsigned. */
  public int u8() throws StateFormatException {
    return need(1).get() & 0xff;
  }

  /** Reads 16 bits, unsigned. */
  public int u16() throws StateFormatException {
    return need(2).getShort() & 0xffff;
  }

  /** Reads 32 bits. */
  public int u32() throws StateFormatException {
    return need(4).getInt();
  }

  /** Reads 64 bits. */
  public long u64() throws StateFormatException {
    return need(8).getLong();
  }

  /** Reads one byte that must be 0 or 1. */
  public boolean bool() throws StateFormatException {
    int value = u8();
    if (value > 1) {
      throw fail("a flag is " + value + ", expected 0 or 1");
    }
    return value == 1;
  }

  /**
   * Reads a length and that many bytes.
   *
   * @param limit the largest length that is accepted
   */
  public byte[] bytes(int limit) throws StateFormatException {
    long length = Integer.toUnsignedLong(u32());
    if (length > limit) {
      throw fail("a field is " + length + " bytes long, the limit is " + limit);
    }
    need(length);
    byte[] value = new byte[(int) length];
    buffer.get(value);
    return value;
  }

  /** Reads a length and bytes, which must be exactly {@code length} long. */
  public byte[] exactBytes(int length) throws StateFormatException {
    byte[] value = bytes(length);
    if (value.length != length) {
      throw fail("a field is " + value.length + " bytes long, expected " + length);
    }
    return value;
  }

  /**
   * Reads a length and a text in UTF-8.
   *
   * @param limit the largest length in bytes that is accepted
   */
  public String string(int limit) throws StateFormatException {
    return new String(bytes(limit), StandardCharsets.UTF_8);
  }

  /** Reads 32 bits that must lie in {@code min} to {@code max}, signed. */
  public int u32(String field, int min, int max) throws StateFormatException {
    int value = u32();
    if (value < min || value > max) {
      throw fail(
          field + " is " + Integer.toUnsignedString(value) + ", expected " + min + " to " + max);
    }
    return value;
  }

  /** Checks that all has been read. */
  public void end() throws StateFormatException {
    if (buffer.hasRemaining()) {
      throw fail(buffer.remaining() + " bytes are left over");
    }
  }

  /** Returns an exception, for the caller to throw, that names the section. */
  public StateFormatException fail(String what) {
    return new StateFormatException(section + ": " + what);
  }
}
