package dev.ballast.virtio.transport.mmio;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.transport.CommonConfiguration;
import dev.ballast.virtio.transport.VirtioDevice;
import dev.ballast.virtio.transport.VirtioTransport;
import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.irq.InterruptLine;
import dev.ballast.vmm.memory.GuestMemory;
import java.util.List;

/**
 * The virtio-mmio transport, version 2 (virtio v1.3 §4.2.2). Registers are 32 bits wide and read
 * and written whole; only the configuration space takes other widths. A read of a register that is
 * not there, is write-only or is read in another width gives 0; such a write is lost.
 */
public final class VirtioMmio extends VirtioTransport implements BusDevice {
  /** The size of the registers in bytes. */
  public static final int SIZE = 0x1000;

  private static final int MAGIC = 0x74726976;
  private static final int VERSION = 2;

  /** "BLST" in ASCII, little-endian. */
  private static final int VENDOR_ID = 0x5453_4c42;

  /**
   * Makes the transport and starts the threads of its queues. The caller puts it on a bus.
   *
   * @param name the name of the device, for instance {@code balloon0}, and of its section in the
   *     machine's state
   * @param device the device behind it, used by this transport alone and closed with it
   * @param memory guest RAM
   * @param interrupt an edge-triggered line
   * @param notifiers the eventfds that writes to QueueNotify signal, by queue number; closed after
   *     this
   */
  public VirtioMmio(
      String name,
      VirtioDevice device,
      GuestMemory memory,
      InterruptLine interrupt,
      List<EventFd> notifiers) {
    super(name, device, memory, new LineInterrupts(interrupt), notifiers);
  }

  @Override
  public long read(long offset, int size) {
    if (offset >= MmioRegister.CONFIG) {
      return common().readConfig(offset - MmioRegister.CONFIG, size);
    }
    return size == 4 ? Integer.toUnsignedLong(readRegister((int) offset)) : 0;
  }

  private int readRegister(int offset) {
    return switch (offset) {
      case MmioRegister.MAGIC_VALUE -> MAGIC;
      case MmioRegister.VERSION -> VERSION;
      case MmioRegister.DEVICE_ID -> device().deviceId();
      case MmioRegister.VENDOR_ID -> VENDOR_ID;
      case MmioRegister.DEVICE_FEATURES -> common().deviceFeatures();
      case MmioRegister.QUEUE_SIZE_MAX -> common().maxQueueSize();
      case MmioRegister.QUEUE_READY -> common().queueReady() ? 1 : 0;
      case MmioRegister.INTERRUPT_STATUS -> common().interruptStatus();
      case MmioRegister.STATUS -> common().readStatus();
      // There is no shared memory region: its length, and so its address, is 2^64 - 1.
      case MmioRegister.SHM_LENGTH_LOW,
          MmioRegister.SHM_LENGTH_HIGH,
          MmioRegister.SHM_BASE_LOW,
          MmioRegister.SHM_BASE_HIGH ->
          -1;
      case MmioRegister.CONFIG_GENERATION -> common().configGeneration();
      default -> 0;
    };
  }

  @Override
  public void write(long offset, int size, long value) {
    if (offset >= MmioRegister.CONFIG) {
      common().writeConfig(offset - MmioRegister.CONFIG, size, value);
    } else if (size == 4) {
      writeRegister((int) offset, (int) value);
    }
  }

  private void writeRegister(int offset, int value) {
    switch (offset) {
      case MmioRegister.DEVICE_FEATURES_SELECT -> common().selectDeviceFeatures(value);
      case MmioRegister.DRIVER_FEATURES -> common().writeDriverFeatures(value);
      case MmioRegister.DRIVER_FEATURES_SELECT -> common().selectDriverFeatures(value);
      case MmioRegister.QUEUE_SELECT -> common().selectQueue(value);
      case MmioRegister.QUEUE_SIZE -> common().writeQueueSize(value);
      case MmioRegister.QUEUE_READY -> common().writeQueueReady((value & 1) != 0);
      // Comes here only where KVM does not signal the eventfd itself.
      case MmioRegister.QUEUE_NOTIFY -> common().notifyQueue(value);
      case MmioRegister.INTERRUPT_ACK -> common().acknowledgeInterrupt(value);
      case MmioRegister.STATUS -> common().writeStatus(value);
      case MmioRegister.QUEUE_DESCRIPTOR_LOW ->
          common().writeDescriptorTable(CommonConfiguration.LOW, value);
      case MmioRegister.QUEUE_DESCRIPTOR_HIGH ->
          common().writeDescriptorTable(CommonConfiguration.HIGH, value);
      case MmioRegister.QUEUE_DRIVER_LOW ->
          common().writeAvailableRing(CommonConfiguration.LOW, value);
      case MmioRegister.QUEUE_DRIVER_HIGH ->
          common().writeAvailableRing(CommonConfiguration.HIGH, value);
      case MmioRegister.QUEUE_DEVICE_LOW -> common().writeUsedRing(CommonConfiguration.LOW, value);
      case MmioRegister.QUEUE_DEVICE_HIGH ->
          common().writeUsedRing(CommonConfiguration.HIGH, value);
      default -> {
        // Read-only, or not there, or of a feature that is not offered.
      }
    }
  }
}
