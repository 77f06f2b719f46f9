package dev.ballast.virtio.mock;

import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Guest memory as a vCPU accesses it: by guest physical address, and unseen by the VMM's dirty
 * bitmap.
 */
public final class GuestView {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle ALIGNED_U16 =
      ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

  private final GuestMemory memory;

  /**
   * @param memory guest RAM
   */
  public GuestView(GuestMemory memory) {
    this.memory = memory;
  }

  private long at(long address, long length) {
    long offset = memory.find(address, length);
    if (offset < 0) {
      throw new IllegalArgumentException("not RAM: 0x" + Long.toHexString(address));
    }
    return offset;
  }

  /** Reads 16 bits with acquire, unsigned. */
  public int get16(long address) {
    return (short) ALIGNED_U16.getAcquire(memory.ram(), at(address, 2)) & 0xffff;
  }

  /** Reads 32 bits. */
  public int get32(long address) {
    return memory.ram().get(U32, at(address, 4));
  }

  /** Writes 16 bits. */
  public void put16(long address, int value) {
    memory.ram().set(U16, at(address, 2), (short) value);
  }

  /** Writes 16 bits with release. */
  public void publish16(long address, int value) {
    ALIGNED_U16.setRelease(memory.ram(), at(address, 2), (short) value);
  }

  /** Writes 32 bits. */
  public void put32(long address, int value) {
    memory.ram().set(U32, at(address, 4), value);
  }

  /** Writes 64 bits. */
  public void put64(long address, long value) {
    memory.ram().set(U64, at(address, 8), value);
  }

  /** Returns a piece of guest memory. */
  public MemorySegment slice(long address, long length) {
    return memory.ram().asSlice(at(address, length), length);
  }
}
