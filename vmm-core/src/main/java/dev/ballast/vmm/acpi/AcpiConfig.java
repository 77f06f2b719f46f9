package dev.ballast.vmm.acpi;

import dev.ballast.vmm.irq.GsiRouter;
import java.util.List;
import java.util.OptionalInt;

/**
 * The machine that the tables describe.
 *
 * @param vcpus how many processors, 1 to 4096; the local APIC id of each is its index
 * @param timerGsi the GSI that the PIT's IRQ 0 arrives at: 0 with KVM's default routing, 2 as on a
 *     PC
 * @param serialPorts the 16550 UARTs
 * @param virtioMmio the virtio-mmio devices
 * @param pmPorts the ports of the fixed power management hardware
 * @param resetRegister what a guest writes to reboot
 * @param panicPort the port of the pvpanic device, if there is one
 * @param numa which processors and memory are near to each other
 */
public record AcpiConfig(
    int vcpus,
    int timerGsi,
    List<SerialPort> serialPorts,
    List<VirtioMmio> virtioMmio,
    PmPorts pmPorts,
    ResetRegister resetRegister,
    OptionalInt panicPort,
    NumaTopology numa) {
  private static final int MAX_VCPUS = 4096;
  private static final int ISA_IRQS = 16;
  private static final int PORT_COUNT = 0x1_0000;

  /**
   * A 16550 UART; it takes 8 ports.
   *
   * @param port the first
   * @param irq its ISA interrupt, 0 to 15
   */
  public record SerialPort(int port, int irq) {
    /** Checks the ranges. */
    public SerialPort {
      checkPorts(port, 8);
      check("ISA IRQ", irq, 0, ISA_IRQS - 1);
    }
  }

  /**
   * A virtio-mmio device.
   *
   * @param base the guest physical address of its registers, below 4 GiB
   * @param size of them in bytes
   * @param gsi its interrupt, edge-triggered and active high
   */
  public record VirtioMmio(long base, int size, int gsi) {
    /** Checks the ranges. */
    public VirtioMmio {
      if (base < 0 || size <= 0 || base + size > 1L << 32) {
        throw new IllegalArgumentException(
            "virtio-mmio registers at 0x%x, size 0x%x, are not below 4 GiB".formatted(base, size));
      }
      check("GSI", gsi, 0, GsiRouter.PINS - 1);
    }
  }

  /**
   * The fixed power management hardware (ACPI 6.5 §4.8.3).
   *
   * @param eventBlock the first of the 4 ports of PM1a_EVT_BLK
   * @param controlBlock the first of the 2 ports of PM1a_CNT_BLK
   * @param timerBlock the first of the 4 ports of PM_TMR_BLK
   * @param sci the GSI of the system control interrupt, level-triggered and active high
   * @param softOffSleepType what the guest writes to SLP_TYP to enter S5, 0 to 7
   */
  public record PmPorts(
      int eventBlock, int controlBlock, int timerBlock, int sci, int softOffSleepType) {
    /** Checks the ranges. */
    public PmPorts {
      checkPorts(eventBlock, 4);
      checkPorts(controlBlock, 2);
      checkPorts(timerBlock, 4);
      check("SCI", sci, 0, ISA_IRQS - 1);
      check("sleep type", softOffSleepType, 0, 7);
    }
  }

  /**
   * What reboots the machine.
   *
   * @param port where to write
   * @param value what to write, 8 bits
   */
  public record ResetRegister(int port, int value) {
    /** Checks the ranges. */
    public ResetRegister {
      checkPorts(port, 1);
      check("reset value", value, 0, 0xff);
    }
  }

  /** Checks the ranges and takes immutable copies of the lists. */
  public AcpiConfig {
    check("vCPU count", vcpus, 1, MAX_VCPUS);
    check("timer GSI", timerGsi, 0, GsiRouter.PINS - 1);
    serialPorts = List.copyOf(serialPorts);
    virtioMmio = List.copyOf(virtioMmio);
    check("serial port count", serialPorts.size(), 0, 9);
    check("virtio-mmio device count", virtioMmio.size(), 0, 0xfff);
    panicPort.ifPresent(port -> checkPorts(port, 1));
  }

  /** Returns whether ids of local APICs have more than 8 bits; there is no 8259 and no PIT then. */
  boolean longApicIds() {
    return vcpus > GsiRouter.MAX_SHORT_IDS;
  }

  private static void checkPorts(int first, int count) {
    check("port", first, 0, PORT_COUNT - count);
  }

  private static void check(String what, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          what + " is " + value + ", expected " + min + " to " + max);
    }
  }
}
