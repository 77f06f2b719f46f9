package dev.ballast.virtio.transport;

import static dev.ballast.vmm.memory.LittleEndian.U32;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * The configuration space of a device (virtio v1.3 §2.5): little-endian fields, of which the driver
 * may write some. Any thread; each call is atomic.
 */
public final class ConfigSpace {

  private final MemorySegment bytes;
  private final boolean[] writable;

  /**
   * @param size in bytes; all of it is 0 and read-only for the driver
   */
  public ConfigSpace(int size) {
    this.bytes = MemorySegment.ofArray(new byte[size]);
    this.writable = new boolean[size];
  }

  /**
   * Lets the driver write a field; returns this.
   *
   * @param offset in bytes, from 0
   * @param length in bytes
   */
  public synchronized ConfigSpace writable(int offset, int length) {
    for (int i = 0; i < length; i++) {
      writable[offset + i] = true;
    }
    return this;
  }

  /**
   * Returns a field of 32 bits.
   *
   * @param offset in bytes, from 0
   */
  public synchronized int u32(int offset) {
    return bytes.get(U32, offset);
  }

  /**
   * Sets a field of 32 bits; returns the value before.
   *
   * @param offset in bytes, from 0
   */
  public synchronized int u32(int offset, int value) {
    int before = bytes.get(U32, offset);
    bytes.set(U32, offset, value);
    return before;
  }

  /**
   * Reads as the driver does; bytes past the end are 0.
   *
   * @param offset in bytes, from 0
   * @param size 1, 2, 4 or 8
   */
  synchronized long read(long offset, int size) {
    long value = 0;
    for (int i = 0; i < size; i++) {
      long at = offset + i;
      if (at >= 0 && at < bytes.byteSize()) {
        value |= (bytes.get(JAVA_BYTE, at) & 0xffL) << (i * Byte.SIZE);
      }
    }
    return value;
  }

  /**
   * Writes as the driver does; read-only bytes and bytes past the end are left alone.
   *
   * @param offset in bytes, from 0
   * @param size 1, 2, 4 or 8
   * @param value in the low {@code size} bytes
   * @return whether a byte has changed
   */
  synchronized boolean write(long offset, int size, long value) {
    boolean changed = false;
    for (int i = 0; i < size; i++) {
      long at = offset + i;
      if (at >= 0 && at < bytes.byteSize() && writable[(int) at]) {
        byte next = (byte) (value >>> (i * Byte.SIZE));
        changed |= bytes.get(JAVA_BYTE, at) != next;
        bytes.set(JAVA_BYTE, at, next);
      }
    }
    return changed;
  }
}
