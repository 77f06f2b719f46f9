package dev.ballast.vmm.acpi;

import dev.ballast.vmm.acpi.AcpiConfig.PmPorts;
import dev.ballast.vmm.acpi.AcpiConfig.ResetRegister;
import dev.ballast.vmm.acpi.AcpiConfig.SerialPort;
import dev.ballast.vmm.acpi.AcpiConfig.VirtioMmio;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** Configurations of the tests. */
final class AcpiFixtures {
  static final long BASE = 0xE_0000L;
  static final PmPorts PM = new PmPorts(0x600, 0x604, 0x608, 9, 5);
  static final ResetRegister RESET = new ResetRegister(0x64, 0xfe);

  private AcpiFixtures() {}

  static AcpiConfig config(int vcpus, int virtioDevices) {
    return config(vcpus, virtioDevices, NumaTopology.NONE);
  }

  static AcpiConfig config(int vcpus, int virtioDevices, NumaTopology numa) {
    List<VirtioMmio> virtio =
        IntStream.range(0, virtioDevices)
            .mapToObj(i -> new VirtioMmio(0xD000_0000L + i * 0x1000L, 0x1000, 16 + i % 8))
            .toList();
    return new AcpiConfig(
        vcpus,
        2,
        List.of(new SerialPort(0x3f8, 4)),
        virtio,
        PM,
        RESET,
        OptionalInt.of(0x505),
        numa);
  }
}
