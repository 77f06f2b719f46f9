package dev.ballast.virtio.mock;

import dev.ballast.virtio.transport.DeviceStatus;
import dev.ballast.vmm.memory.GuestMemory;

/**
 * A driver of a virtio device, step by step. It uses a piece of guest memory for rings and buffers.
 */
public final class MockDriver {
  private final DriverRegisters registers;
  private final GuestView guest;
  private long free;

  /**
   * @param memory guest RAM
   * @param registers the device
   * @param free the guest physical address from which on memory is the driver's
   */
  public MockDriver(GuestMemory memory, DriverRegisters registers, long free) {
    this.registers = registers;
    this.guest = new GuestView(memory);
    this.free = free;
  }

  /** Returns guest memory as the driver sees it. */
  public GuestView guest() {
    return guest;
  }

  /** Returns {@code length} bytes of the driver's memory, set to zero. */
  public long allocate(long length, long alignment) {
    long address = (free + alignment - 1) & -alignment;
    free = address + length;
    guest.slice(address, length).fill((byte) 0);
    return address;
  }

  /** Returns the registers. */
  public DriverRegisters registers() {
    return registers;
  }

  /** Returns the device status. */
  public int status() {
    return registers.status();
  }

  /** Sets bits of the device status. */
  public void addStatus(int bits) {
    registers.status(status() | bits);
  }

  /** Resets the device. */
  public void reset() {
    registers.status(0);
  }

  /** Returns all features that the device offers. */
  public long offeredFeatures() {
    return registers.offeredFeatures();
  }

  /** Tells the device which features the driver accepts. */
  public void writeFeatures(long features) {
    registers.acceptedFeatures(features);
  }

  /**
   * Resets the device and goes through the steps up to FEATURES_OK; returns whether it took them.
   */
  public boolean negotiate(long features) {
    reset();
    addStatus(DeviceStatus.ACKNOWLEDGE);
    addStatus(DeviceStatus.DRIVER);
    writeFeatures(features);
    addStatus(DeviceStatus.FEATURES_OK);
    return (status() & DeviceStatus.FEATURES_OK) != 0;
  }

  /** Allocates a queue, without telling the device. */
  public MockQueue allocateQueue(int size) {
    return new MockQueue(
        guest,
        size,
        allocate(16L * size, 16),
        allocate(6 + 2L * size, 2),
        allocate(6 + 8L * size, 4));
  }

  /** Writes the registers of a queue, without enabling it. */
  public void writeQueue(int index, int size, long table, long available, long used) {
    registers.selectQueue(index);
    registers.queue(size, table, available, used);
  }

  /** Allocates a queue, sets it up and enables it. */
  public MockQueue addQueue(int index, int size) {
    MockQueue queue = allocateQueue(size);
    writeQueue(index, size, queue.table(), queue.available(), queue.used());
    registers.queueReady(true);
    return queue;
  }

  /** Sets DRIVER_OK. */
  public void start() {
    addStatus(DeviceStatus.DRIVER_OK);
  }

  /** Notifies the device of a queue, as an exit of a vCPU would. */
  public void notifyQueue(int index) {
    registers.notifyQueue(index);
  }
}
