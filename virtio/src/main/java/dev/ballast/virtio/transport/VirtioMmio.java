package dev.ballast.virtio.transport;

import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.bus.MmioSlot;
import dev.ballast.vmm.machine.MachineDevice;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;

/**
 * The virtio-mmio transport, version 2 (virtio v1.3 §4.2.2). Registers are 32 bits wide and read
 * and written whole; only the configuration space takes other widths. A read of a register that is
 * not there, is write-only or is read in another width gives 0; such a write is lost.
 *
 * <p>Registers may be accessed by several vCPUs at once. The device starts to handle its queues
 * when the driver sets DRIVER_OK; after {@link #loadState}, when {@link #resume} is called.
 */
public final class VirtioMmio implements BusDevice, MachineDevice {
  private static final int MAGIC = 0x74726976;
  private static final int VERSION = 2;

  /** "BLST" in ASCII, little-endian. */
  private static final int VENDOR_ID = 0x5453_4c42;

  private final String stateName;
  private final VirtioDevice device;
  private final CommonConfiguration common;

  /**
   * Makes the transport and starts its worker thread. The caller puts it on the bus at the slot's
   * range.
   *
   * @param stateName of the section in the machine's state, for instance {@code
   *     virtio-mmio.balloon0}
   * @param slot where it is on the board
   * @param memory guest RAM
   * @param device the device behind it, used by this transport alone
   */
  public VirtioMmio(String stateName, MmioSlot slot, GuestMemory memory, VirtioDevice device) {
    this.stateName = stateName;
    this.device = device;
    this.common =
        new CommonConfiguration(stateName, device, memory, slot.interrupt(), slot.queueNotify());
  }

  /** Returns how often the driver broke a rule of virtio; such an access has no other effect. */
  public long faults() {
    return common.faults();
  }

  /**
   * Returns how often the host or the device failed, by no fault of the driver's. The driver sees
   * DEVICE_NEEDS_RESET, and the log has the cause.
   */
  public long failures() {
    return common.failures();
  }

  @Override
  public long read(long offset, int size) {
    if (offset >= Register.CONFIG) {
      return device.readConfig(offset - Register.CONFIG, size);
    }
    return size == 4 ? Integer.toUnsignedLong(readRegister((int) offset)) : 0;
  }

  private int readRegister(int offset) {
    return switch (offset) {
      case Register.MAGIC_VALUE -> MAGIC;
      case Register.VERSION -> VERSION;
      case Register.DEVICE_ID -> device.deviceId();
      case Register.VENDOR_ID -> VENDOR_ID;
      case Register.DEVICE_FEATURES -> common.deviceFeatures();
      case Register.QUEUE_SIZE_MAX -> common.maxQueueSize();
      case Register.QUEUE_READY -> common.queueReady() ? 1 : 0;
      case Register.INTERRUPT_STATUS -> common.interruptStatus();
      case Register.STATUS -> common.readStatus();
      // There is no shared memory region: its length, and so its address, is 2^64 - 1.
      case Register.SHM_LENGTH_LOW,
          Register.SHM_LENGTH_HIGH,
          Register.SHM_BASE_LOW,
          Register.SHM_BASE_HIGH ->
          -1;
      case Register.CONFIG_GENERATION -> common.configGeneration();
      default -> 0;
    };
  }

  @Override
  public void write(long offset, int size, long value) {
    if (offset >= Register.CONFIG) {
      common.writeConfig(offset - Register.CONFIG, size, value);
    } else if (size == 4) {
      writeRegister((int) offset, (int) value);
    }
  }

  private void writeRegister(int offset, int value) {
    switch (offset) {
      case Register.DEVICE_FEATURES_SELECT -> common.selectDeviceFeatures(value);
      case Register.DRIVER_FEATURES -> common.writeDriverFeatures(value);
      case Register.DRIVER_FEATURES_SELECT -> common.selectDriverFeatures(value);
      case Register.QUEUE_SELECT -> common.selectQueue(value);
      case Register.QUEUE_SIZE -> common.writeQueueSize(value);
      case Register.QUEUE_READY -> common.writeQueueReady((value & 1) != 0);
      // Comes here only where KVM does not signal the event itself. The worker looks at all queues.
      case Register.QUEUE_NOTIFY -> common.notifyQueues();
      case Register.INTERRUPT_ACK -> common.acknowledgeInterrupt(value);
      case Register.STATUS -> common.writeStatus(value);
      case Register.QUEUE_DESCRIPTOR_LOW -> common.writeDescriptorTable(false, value);
      case Register.QUEUE_DESCRIPTOR_HIGH -> common.writeDescriptorTable(true, value);
      case Register.QUEUE_DRIVER_LOW -> common.writeAvailableRing(false, value);
      case Register.QUEUE_DRIVER_HIGH -> common.writeAvailableRing(true, value);
      case Register.QUEUE_DEVICE_LOW -> common.writeUsedRing(false, value);
      case Register.QUEUE_DEVICE_HIGH -> common.writeUsedRing(true, value);
      default -> {
        // Read-only, or not there, or of a feature that is not offered.
      }
    }
  }

  /** Returns when no queue is being handled. Takes at most as long as one batch of requests. */
  @Override
  public void quiesce() {
    common.pause();
  }

  @Override
  public void resume() {
    common.resume();
  }

  @Override
  public void reset() {
    common.reset();
  }

  @Override
  public long offeredFeatures() {
    return device.features() | VirtioFeature.VERSION_1;
  }

  /** Ends the worker thread. The slot's event must still be open. */
  @Override
  public void close() {
    common.close();
  }

  @Override
  public String stateName() {
    return stateName;
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    common.saveState(writer);
  }

  @Override
  public void loadState(StateReader reader, int version) throws IOException {
    common.loadState(reader);
  }
}
