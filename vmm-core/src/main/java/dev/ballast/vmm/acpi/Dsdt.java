package dev.ballast.vmm.acpi;

import dev.ballast.vmm.acpi.AcpiConfig.SerialPort;
import dev.ballast.vmm.acpi.AcpiConfig.VirtioMmio;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The Differentiated System Description Table: the devices in AML (ACPI 6.5 §5.2.11.1). */
final class Dsdt {
  /** From 2 on, integers in AML are 64 bits wide. */
  private static final int REVISION = 2;

  private static final int RTC_PORT = 0x70;
  private static final int RTC_PORTS = 2;

  private Dsdt() {}

  static byte[] build(AcpiConfig config) {
    List<byte[]> devices = new ArrayList<>();
    for (int i = 0; i < config.vcpus(); i++) {
      devices.add(processor(i));
    }
    for (int i = 0; i < config.serialPorts().size(); i++) {
      devices.add(serialPort(i + 1, config.serialPorts().get(i)));
    }
    devices.add(rtc());
    for (int i = 0; i < config.virtioMmio().size(); i++) {
      devices.add(virtioMmio(i, config.virtioMmio().get(i)));
    }
    config.panicPort().ifPresent(port -> devices.add(pvPanic(port)));

    byte[] sleepType = Aml.integer(config.pmPorts().softOffSleepType());
    byte[] softOff =
        Aml.name("_S5_", Aml.packageOf(sleepType, sleepType, Aml.integer(0), Aml.integer(0)));
    return TableWriter.withHeader("DSDT", REVISION)
        .bytes(Aml.scope("_SB_", devices.toArray(byte[][]::new)))
        .bytes(softOff)
        .finish();
  }

  /** The MADT has its APIC ID; the UID links the two. */
  private static byte[] processor(int index) {
    return Aml.device(
        numbered("C", index),
        Aml.name("_HID", Aml.string("ACPI0007")),
        Aml.name("_UID", Aml.integer(index)));
  }

  private static byte[] serialPort(int number, SerialPort serial) {
    return Aml.device(
        "COM" + number,
        Aml.name("_HID", Aml.eisaId("PNP0501")),
        Aml.name("_UID", Aml.integer(number)),
        Aml.name(
            "_CRS",
            new ResourceTemplate().io(serial.port(), 8).isaInterrupt(serial.irq()).toAml()));
  }

  /** Without an interrupt: it has no alarm. */
  private static byte[] rtc() {
    return Aml.device(
        "RTC_",
        Aml.name("_HID", Aml.eisaId("PNP0B00")),
        Aml.name("_CRS", new ResourceTemplate().io(RTC_PORT, RTC_PORTS).toAml()));
  }

  /** The id that Linux's virtio_mmio driver looks for. */
  private static byte[] virtioMmio(int index, VirtioMmio device) {
    return Aml.device(
        numbered("V", index),
        Aml.name("_HID", Aml.string("LNRO0005")),
        Aml.name("_UID", Aml.integer(index)),
        // Its DMA is coherent with the caches.
        Aml.name("_CCA", Aml.integer(1)),
        Aml.name(
            "_CRS",
            new ResourceTemplate()
                .memory(device.base(), device.size())
                .edgeInterrupt(device.gsi())
                .toAml()));
  }

  private static byte[] pvPanic(int port) {
    return Aml.device(
        "PEVT",
        Aml.name("_HID", Aml.string("QEMU0001")),
        Aml.name("_CRS", new ResourceTemplate().io(port, 1).toAml()));
  }

  private static String numbered(String letter, int index) {
    return String.format(Locale.ROOT, "%s%03X", letter, index);
  }
}
