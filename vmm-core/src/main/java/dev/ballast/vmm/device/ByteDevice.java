package dev.ballast.vmm.device;

import dev.ballast.vmm.bus.BusDevice;

/**
 * A device of 8-bit registers. A wider access is split into one access for each byte, lowest
 * address first, as on the ISA bus.
 */
abstract class ByteDevice implements BusDevice {
  /** Reads a register; returns 0 to 255. */
  abstract int readRegister(int offset);

  /** Writes 0 to 255 to a register. */
  abstract void writeRegister(int offset, int value);

  @Override
  public final long read(long offset, int size) {
    long value = 0;
    for (int i = 0; i < size; i++) {
      value |= (long) readRegister((int) offset + i) << (8 * i);
    }
    return value;
  }

  @Override
  public final void write(long offset, int size, long value) {
    for (int i = 0; i < size; i++) {
      writeRegister((int) offset + i, (int) (value >>> (8 * i)) & 0xff);
    }
  }
}
