package dev.ballast.virtio.queue;

import java.lang.foreign.MemorySegment;

/**
 * Writes the device-writable buffers of a chain, from {@link DescriptorChain#writer}. What it
 * writes is marked as written by the VMM, so that a migration sends it.
 */
public final class ChainWriter extends ChainCursor {
  private final QueueMemory memory;
  private long written;

  ChainWriter(DescriptorChain chain, QueueMemory memory) {
    super(chain);
    this.memory = memory;
  }

  @Override
  void reset(int firstBuffer, int newEndBuffer, long bytes) {
    super.reset(firstBuffer, newEndBuffer, bytes);
    written = 0;
  }

  /**
   * Returns how many bytes were written from the start of the buffers without a gap, 0 to 2^32:
   * what {@link SplitVirtqueue#complete} reports to the driver, which may rely on all of them
   * (§2.7.8.2). Bytes after skipped ones do not count.
   */
  public long written() {
    return written;
  }

  /**
   * Copies bytes into the buffers.
   *
   * @param from taken from its start
   * @return how many bytes were copied; less than {@code from} has only at the end
   */
  public long write(MemorySegment from) {
    long wanted = from.byteSize();
    long done = 0;
    for (long piece = piece(wanted); piece > 0; piece = piece(wanted - done)) {
      memory.write(ramOffset(), from, done, piece);
      passWritten(piece);
      done += piece;
    }
    return done;
  }

  /**
   * Sets the next bytes.
   *
   * @param value of each
   * @param bytes how many; more than {@link #remaining} is all of them
   * @return how many bytes were set
   */
  public long fill(byte value, long bytes) {
    long done = 0;
    for (long piece = piece(bytes); piece > 0; piece = piece(bytes - done)) {
      memory.fill(ramOffset(), value, piece);
      passWritten(piece);
      done += piece;
    }
    return done;
  }

  /**
   * Skips bytes that something else has written, for instance the kernel into the pieces of {@link
   * #forEachPiece}, and marks them as written. Call it after the transfer, since a migration may
   * fetch a mark at any time and send the content at that time; if the transfer failed, for all of
   * its bytes, since any of them may have been written.
   *
   * @param bytes how many; more than {@link #remaining} is all of them
   */
  public void markWritten(long bytes) {
    long left = bytes;
    for (long piece = piece(left); piece > 0; piece = piece(left)) {
      memory.markDirty(ramOffset(), piece);
      passWritten(piece);
      left -= piece;
    }
  }

  private void passWritten(long bytes) {
    if (written == position()) {
      written += bytes;
    }
    advance(bytes);
  }
}
