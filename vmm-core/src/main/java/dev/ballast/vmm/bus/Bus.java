package dev.ballast.vmm.bus;

import java.util.Arrays;

/**
 * An address space of devices: the 64 KiB of I/O ports, or memory-mapped I/O. Devices are added
 * before the vCPUs start; look-ups are lock-free, a binary search in sorted arrays, and allocate
 * nothing.
 */
public final class Bus {
  private final String name;
  private long[] starts = {};
  private long[] ends = {};
  private BusDevice[] devices = {};

  /**
   * @param name for messages, for instance {@code pio}
   */
  public Bus(String name) {
    this.name = name;
  }

  /**
   * Adds a device. Call before the vCPUs start.
   *
   * @param base the first address
   * @param size of the range, in bytes
   * @param device the device that answers
   * @throws IllegalArgumentException if the range is empty or overlaps another device's
   */
  public void add(long base, long size, BusDevice device) {
    int at = 0;
    while (at < starts.length && starts[at] < base) {
      at++;
    }
    boolean overlapsNext = at < starts.length && base + size > starts[at];
    boolean overlapsPrevious = at > 0 && ends[at - 1] > base;
    if (size <= 0 || overlapsNext || overlapsPrevious) {
      throw new IllegalArgumentException(
          "%s: range 0x%x, size 0x%x, is empty or taken".formatted(name, base, size));
    }
    starts = insert(starts, at, base);
    ends = insert(ends, at, base + size);
    BusDevice[] more = Arrays.copyOf(devices, devices.length + 1);
    System.arraycopy(devices, at, more, at + 1, devices.length - at);
    more[at] = device;
    devices = more;
  }

  private static long[] insert(long[] array, int at, long value) {
    long[] more = Arrays.copyOf(array, array.length + 1);
    System.arraycopy(array, at, more, at + 1, array.length - at);
    more[at] = value;
    return more;
  }

  /** Returns the index of the device that has all of the accessed bytes, or -1. */
  private int find(long address, int size) {
    int at = Arrays.binarySearch(starts, address);
    int index = at >= 0 ? at : -at - 2;
    return index >= 0 && address + size <= ends[index] && address + size > address ? index : -1;
  }

  /**
   * Reads. Where no device has all of the accessed bytes, also because they cross the end of its
   * range, all bits read as 1, as on a real bus.
   *
   * @param size 1, 2, 4 or 8 bytes
   * @return the value in the low {@code size} bytes; the rest is 0
   */
  public long read(long address, int size) {
    int index = find(address, size);
    long value = index < 0 ? -1L : devices[index].read(address - starts[index], size);
    return size == 8 ? value : value & ((1L << (size * 8)) - 1);
  }

  /**
   * Writes. Where no device has all of the accessed bytes, also because they cross the end of its
   * range, the write is lost, as on a real bus.
   *
   * @param size 1, 2, 4 or 8 bytes
   * @param value in the low {@code size} bytes; the rest is ignored
   */
  public void write(long address, int size, long value) {
    int index = find(address, size);
    if (index >= 0) {
      devices[index].write(
          address - starts[index], size, size == 8 ? value : value & ((1L << (size * 8)) - 1));
    }
  }
}
