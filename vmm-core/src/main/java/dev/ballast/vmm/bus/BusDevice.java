package dev.ballast.vmm.bus;

/**
 * A device that answers a range of port or memory-mapped I/O. Called on vCPU threads, on several at
 * once; must not block, but a virtio reset waits for one batch. Never throws on what a guest does.
 */
public interface BusDevice {
  /**
   * Reads.
   *
   * @param offset from the start of the device's range, in bytes
   * @param size 1, 2, 4 or 8 bytes
   * @return the value, little-endian, in the low {@code size} bytes
   */
  long read(long offset, int size);

  /**
   * Writes.
   *
   * @param offset from the start of the device's range, in bytes
   * @param size 1, 2, 4 or 8 bytes
   * @param value in the low {@code size} bytes; the rest is 0
   */
  void write(long offset, int size, long value);
}
