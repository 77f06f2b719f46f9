package dev.ballast.virtio.queue;

import static dev.ballast.vmm.memory.LittleEndian.ALIGNED_U16;
import static dev.ballast.vmm.memory.LittleEndian.U16;
import static dev.ballast.vmm.memory.LittleEndian.U32;
import static dev.ballast.vmm.memory.LittleEndian.U64;

import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Guest RAM by offset in {@link GuestMemory#ram}, for rings, descriptors and buffers: their guest
 * addresses were checked and translated once. Every write is marked, as those of {@link
 * GuestMemory} are. Values are little-endian.
 *
 * <p>Any thread. Allocates nothing.
 */
final class QueueMemory {

  private final GuestMemory memory;
  private final MemorySegment ram;

  QueueMemory(GuestMemory memory) {
    this.memory = memory;
    this.ram = memory.ram();
  }

  int readU8(long offset) {
    return ram.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
  }

  int readU16(long offset) {
    return ram.get(U16, offset) & 0xffff;
  }

  /**
   * Reads 16 bits, unsigned; later reads see at least what the guest wrote before this value. The
   * offset must be even.
   */
  int readU16Acquire(long offset) {
    return (short) ALIGNED_U16.getAcquire(ram, offset) & 0xffff;
  }

  /** Returns 32 bits, unsigned. */
  long readU32(long offset) {
    return Integer.toUnsignedLong(ram.get(U32, offset));
  }

  long readU64(long offset) {
    return ram.get(U64, offset);
  }

  void read(long offset, MemorySegment into, long at, long length) {
    MemorySegment.copy(ram, offset, into, at, length);
  }

  void writeU16(long offset, int value) {
    ram.set(U16, offset, (short) value);
    memory.markDirty(offset, Short.BYTES);
  }

  /**
   * Writes 16 bits; a guest that sees the value also sees all that was written before. The offset
   * must be even.
   */
  void writeU16Release(long offset, int value) {
    ALIGNED_U16.setRelease(ram, offset, (short) value);
    memory.markDirty(offset, Short.BYTES);
  }

  void writeU32(long offset, int value) {
    ram.set(U32, offset, value);
    memory.markDirty(offset, Integer.BYTES);
  }

  void write(long offset, MemorySegment from, long at, long length) {
    MemorySegment.copy(from, at, ram, offset, length);
    memory.markDirty(offset, length);
  }

  void fill(long offset, byte value, long length) {
    // A slice to fill would be garbage wherever the compiler does not see through it.
    long pattern = (value & 0xffL) * 0x0101_0101_0101_0101L;
    long end = offset + length;
    long at = offset;
    for (; at <= end - Long.BYTES; at += Long.BYTES) {
      ram.set(U64, at, pattern);
    }
    for (; at < end; at++) {
      ram.set(ValueLayout.JAVA_BYTE, at, value);
    }
    memory.markDirty(offset, length);
  }

  /** Marks bytes as written, after something else, for instance the kernel, has written them. */
  void markDirty(long offset, long length) {
    memory.markDirty(offset, length);
  }
}
