package dev.ballast.virtio.transport.mmio;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.transport.VirtioDevice;
import dev.ballast.virtio.transport.VirtioDeviceConfig;
import dev.ballast.vmm.acpi.AcpiConfig;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.irq.GsiRouter;
import dev.ballast.vmm.machine.DeviceConfig;
import dev.ballast.vmm.machine.MachineBuilder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A virtio device on virtio-mmio.
 *
 * @param device the device to attach
 */
public record VirtioMmioConfig(VirtioDeviceConfig device) implements DeviceConfig {
  /**
   * The kernel parameter that announces the first device on virtio-mmio to a kernel that reads no
   * ACPI tables. Holds only if no other {@link #attach} took a pin or an address before.
   */
  public static final String FIRST_DEVICE_PARAMETER =
      "virtio_mmio.device=%dK@0x%x:%d"
          .formatted(VirtioMmio.SIZE >> 10, AddressMap.VIRTIO_MMIO, GsiRouter.FIRST_DEVICE_PIN);

  @Override
  public void attach(MachineBuilder machine) throws IOException {
    VirtioDevice made = device.create(machine);
    long base = machine.allocateMmio(VirtioMmio.SIZE);
    VirtioMmio transport;
    int gsi;
    boolean owned = false;
    try {
      gsi = machine.interrupts().allocatePin();
      transport =
          new VirtioMmio(
              device.name(),
              made,
              machine.memory(),
              machine.interrupts().line(gsi, true),
              notifiers(machine, base, made.queueCount()));
      machine.addDevice(transport);
      owned = true;
    } finally {
      if (!owned) {
        made.close();
      }
    }
    machine.addMmio(base, VirtioMmio.SIZE, transport);
    machine.describe(new AcpiConfig.VirtioMmio(base, VirtioMmio.SIZE, gsi));
  }

  /**
   * All queues of a device share one register, in which the driver writes the queue's number. The
   * eventfd of an only queue need not look at the number, which makes notifications faster.
   */
  private static List<EventFd> notifiers(MachineBuilder machine, long base, int queues)
      throws IOException {
    if (queues == 1) {
      return List.of(machine.notifier(base + MmioRegister.QUEUE_NOTIFY, Integer.BYTES));
    }
    List<EventFd> notifiers = new ArrayList<>();
    for (int queue = 0; queue < queues; queue++) {
      notifiers.add(machine.notifier(base + MmioRegister.QUEUE_NOTIFY, Integer.BYTES, queue));
    }
    return notifiers;
  }
}
