package dev.ballast.virtio.mock;

/**
 * A descriptor to be: a buffer and the flags of virtio v1.3 §2.7.5, but for NEXT, which follows
 * from the place in a chain.
 *
 * @param address guest physical
 * @param length in bytes, 0 to 2^32 - 1
 * @param flags {@link #WRITE}, {@link #INDIRECT} or 0
 */
public record MockBuffer(long address, long length, int flags) {
  /** Another descriptor follows. */
  public static final int NEXT = 1;

  /** The device writes the buffer. */
  public static final int WRITE = 2;

  /** The buffer is a table of descriptors. */
  public static final int INDIRECT = 4;

  /** A buffer that the device reads. */
  public static MockBuffer readable(long address, long length) {
    return new MockBuffer(address, length, 0);
  }

  /** A buffer that the device writes. */
  public static MockBuffer writable(long address, long length) {
    return new MockBuffer(address, length, WRITE);
  }
}
