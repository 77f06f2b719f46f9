package dev.ballast.vmm.state;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Writes state fields one after the other, little-endian, unpadded. One thread. */
public final class StateWriter {
  private static final int CAPACITY = 256;

  private ByteBuffer buffer;

  /** Creates an empty one. */
  public StateWriter() {
    this(CAPACITY);
  }

  /**
   * Creates an empty one.
   *
   * @param capacity how many bytes it takes without growing
   */
  public StateWriter(int capacity) {
    buffer = ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN);
  }

  private ByteBuffer room(int bytes) {
    if (buffer.remaining() < bytes) {
      int capacity = Math.max(buffer.capacity() * 2, Math.addExact(buffer.position(), bytes));
      buffer =
          ByteBuffer.wrap(Arrays.copyOf(buffer.array(), capacity))
              .order(ByteOrder.LITTLE_ENDIAN)
              .position(buffer.position());
    }
    return buffer;
  }

  /** Writes the low 8 bits. */
  public StateWriter u8(int value) {
    room(1).put((byte) value);
    return this;
  }

  /** Writes the low 16 bits. */
  public StateWriter u16(int value) {
    room(2).putShort((short) value);
    return this;
  }

  /** Writes 32 bits. */
  public StateWriter u32(int value) {
    room(4).putInt(value);
    return this;
  }

  /** Writes 64 bits. */
  public StateWriter u64(long value) {
    room(8).putLong(value);
    return this;
  }

  /** Writes one byte, 0 or 1. */
  public StateWriter bool(boolean value) {
    return u8(value ? 1 : 0);
  }

  /** Writes a 32-bit length and the bytes. */
  public StateWriter bytes(byte[] value) {
    u32(value.length);
    room(value.length).put(value);
    return this;
  }

  /** Writes a 32-bit length and the text in UTF-8. */
  public StateWriter string(String value) {
    return bytes(value.getBytes(StandardCharsets.UTF_8));
  }

  /** Returns what was written. */
  public byte[] toByteArray() {
    return buffer.hasRemaining()
        ? Arrays.copyOf(buffer.array(), buffer.position())
        : buffer.array();
  }
}
