package dev.ballast.virtio.mock;

import dev.ballast.virtio.transport.mmio.MmioRegister;
import dev.ballast.vmm.bus.BusDevice;

/**
 * The registers of virtio-mmio (virtio v1.3 §4.2.2).
 *
 * @param device takes the accesses
 */
public record MmioDriverRegisters(BusDevice device) implements DriverRegisters {
  /** Reads a register. */
  public int read(int register) {
    return (int) device.read(register, 4);
  }

  /** Writes a register. */
  public void write(int register, int value) {
    device.write(register, 4, Integer.toUnsignedLong(value));
  }

  private void write(int lowRegister, int highRegister, long value) {
    write(lowRegister, (int) value);
    write(highRegister, (int) (value >>> 32));
  }

  @Override
  public int deviceId() {
    return read(MmioRegister.DEVICE_ID);
  }

  @Override
  public int status() {
    return read(MmioRegister.STATUS);
  }

  @Override
  public void status(int value) {
    write(MmioRegister.STATUS, value);
  }

  @Override
  public long offeredFeatures() {
    write(MmioRegister.DEVICE_FEATURES_SELECT, 0);
    long low = Integer.toUnsignedLong(read(MmioRegister.DEVICE_FEATURES));
    write(MmioRegister.DEVICE_FEATURES_SELECT, 1);
    return low | ((long) read(MmioRegister.DEVICE_FEATURES) << 32);
  }

  @Override
  public void acceptedFeatures(long features) {
    write(MmioRegister.DRIVER_FEATURES_SELECT, 0);
    write(MmioRegister.DRIVER_FEATURES, (int) features);
    write(MmioRegister.DRIVER_FEATURES_SELECT, 1);
    write(MmioRegister.DRIVER_FEATURES, (int) (features >>> 32));
  }

  @Override
  public void selectQueue(int index) {
    write(MmioRegister.QUEUE_SELECT, index);
  }

  @Override
  public int maxQueueSize() {
    return read(MmioRegister.QUEUE_SIZE_MAX);
  }

  @Override
  public void queue(int size, long table, long available, long used) {
    write(MmioRegister.QUEUE_SIZE, size);
    write(MmioRegister.QUEUE_DESCRIPTOR_LOW, MmioRegister.QUEUE_DESCRIPTOR_HIGH, table);
    write(MmioRegister.QUEUE_DRIVER_LOW, MmioRegister.QUEUE_DRIVER_HIGH, available);
    write(MmioRegister.QUEUE_DEVICE_LOW, MmioRegister.QUEUE_DEVICE_HIGH, used);
  }

  @Override
  public void queueReady(boolean ready) {
    write(MmioRegister.QUEUE_READY, ready ? 1 : 0);
  }

  @Override
  public void notifyQueue(int index) {
    write(MmioRegister.QUEUE_NOTIFY, index);
  }

  @Override
  public int interruptStatus() {
    return read(MmioRegister.INTERRUPT_STATUS);
  }

  @Override
  public void acknowledgeInterrupt(int reasons) {
    write(MmioRegister.INTERRUPT_ACK, reasons);
  }

  @Override
  public int configGeneration() {
    return read(MmioRegister.CONFIG_GENERATION);
  }

  @Override
  public long readConfig(int offset, int size) {
    return device.read(MmioRegister.CONFIG + offset, size);
  }

  @Override
  public void writeConfig(int offset, int size, long value) {
    device.write(MmioRegister.CONFIG + offset, size, value);
  }
}
