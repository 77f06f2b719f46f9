package dev.ballast.vmm.machine;

import dev.ballast.vmm.acpi.AcpiConfig;
import dev.ballast.vmm.acpi.NumaTopology;
import dev.ballast.vmm.device.AcpiPm;
import dev.ballast.vmm.device.CmosRtc;
import dev.ballast.vmm.device.I8042;
import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.device.PlatformEvents;
import dev.ballast.vmm.device.PvPanic;
import dev.ballast.vmm.device.Serial16550;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.MemoryRegion;
import java.io.IOException;
import java.time.InstantSource;
import java.util.List;
import java.util.OptionalInt;

/** The devices that every machine has, at the ports where a PC has them. */
final class PlatformDevices {
  private final Serial16550 serial;
  private final I8042 keyboardController;
  private final CmosRtc clock;
  private final AcpiPm powerManagement;

  PlatformDevices(MachineBuilder machine, PlatformEvents events) throws IOException {
    serial =
        machine.owned(
            new Serial16550(
                "serial0",
                machine.interrupts().line(Serial16550.COM1_IRQ, false),
                machine.config().console()),
            Serial16550::close);
    keyboardController = new I8042(events);
    clock = clock(machine.memory());
    powerManagement =
        new AcpiPm(machine.interrupts().line(AcpiPm.SCI, false), events, System::nanoTime);
    machine.addPorts(Serial16550.COM1_PORT, Serial16550.PORTS, serial);
    machine.addPorts(I8042.PORT, I8042.PORTS, keyboardController);
    machine.addPorts(CmosRtc.PORT, CmosRtc.PORTS, clock);
    machine.addPorts(AcpiPm.PORT, AcpiPm.PORTS, powerManagement);
    machine.addPorts(PvPanic.PORT, PvPanic.PORTS, new PvPanic(events));
  }

  private static CmosRtc clock(GuestMemory memory) {
    List<MemoryRegion> regions = memory.regions();
    long low = regions.getFirst().size();
    return new CmosRtc(low, memory.size() - low, InstantSource.system());
  }

  List<MachineDevice> all() {
    return List.of(serial, keyboardController, clock, powerManagement);
  }

  void pressPowerButton() {
    powerManagement.pressPowerButton();
  }

  AcpiConfig acpi(int vcpus, List<AcpiConfig.VirtioMmio> virtio, NumaTopology numa) {
    return new AcpiConfig(
        vcpus,
        0, // KVM routes the PIT's IRQ 0 to pin 0 by default
        List.of(new AcpiConfig.SerialPort(Serial16550.COM1_PORT, Serial16550.COM1_IRQ)),
        virtio,
        new AcpiConfig.PmPorts(
            AcpiPm.PORT + AcpiPm.EVENT_OFFSET,
            AcpiPm.PORT + AcpiPm.CONTROL_OFFSET,
            AcpiPm.PORT + AcpiPm.TIMER_OFFSET,
            AcpiPm.SCI,
            AcpiPm.SOFT_OFF_SLEEP_TYPE),
        new AcpiConfig.ResetRegister(I8042.PORT + I8042.COMMAND_OFFSET, I8042.RESET_COMMAND),
        OptionalInt.of(PvPanic.PORT),
        numa);
  }
}
