package dev.ballast.virtio.queue;

import java.lang.foreign.MemorySegment;

/**
 * Reads the device-readable buffers of a chain, from {@link DescriptorChain#reader}. The guest may
 * change their content at any time: read each value once, and check what was read.
 */
public final class ChainReader extends ChainCursor {
  private final DescriptorChain chain;
  private final QueueMemory memory;

  ChainReader(DescriptorChain chain, QueueMemory memory) {
    super(chain);
    this.chain = chain;
    this.memory = memory;
  }

  /**
   * Copies the next bytes.
   *
   * @param into filled from its start
   * @return how many bytes were copied; less than {@code into} has room for only at the end
   */
  public long read(MemorySegment into) {
    long wanted = into.byteSize();
    long done = 0;
    for (long piece = piece(wanted); piece > 0; piece = piece(wanted - done)) {
      memory.read(ramOffset(), into, done, piece);
      advance(piece);
      done += piece;
    }
    return done;
  }

  /**
   * Reads the next 8 bits, unsigned.
   *
   * @throws VirtqueueException if no byte is left
   */
  public int readU8() throws VirtqueueException {
    return (int) readLittleEndian(Byte.BYTES);
  }

  /**
   * Reads the next 16 bits, unsigned, little-endian.
   *
   * @throws VirtqueueException if fewer are left; the cursor does not move then
   */
  public int readU16() throws VirtqueueException {
    return (int) readLittleEndian(Short.BYTES);
  }

  /**
   * Reads the next 32 bits, unsigned, little-endian.
   *
   * @throws VirtqueueException if fewer are left; the cursor does not move then
   */
  public long readU32() throws VirtqueueException {
    return readLittleEndian(Integer.BYTES);
  }

  /**
   * Reads the next 64 bits, little-endian.
   *
   * @throws VirtqueueException if fewer are left; the cursor does not move then
   */
  public long readU64() throws VirtqueueException {
    return readLittleEndian(Long.BYTES);
  }

  private long readLittleEndian(int bytes) throws VirtqueueException {
    if (remaining() < bytes) {
      throw chain.violation(
          "%d readable bytes, %d expected".formatted(chain.readableBytes(), position() + bytes));
    }
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      long one = piece(1);
      value |= (long) memory.readU8(ramOffset()) << (i * Byte.SIZE);
      advance(one);
    }
    return value;
  }
}
