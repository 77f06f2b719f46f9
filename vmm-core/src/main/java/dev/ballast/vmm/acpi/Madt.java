package dev.ballast.vmm.acpi;

import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.irq.GsiRouter;

/** The Multiple APIC Description Table: processors and interrupt controllers (ACPI 6.5 §5.2.12). */
final class Madt {
  private static final int REVISION = 5;

  /** The machine also has a pair of 8259s: unless KVM emulates the local APICs only. */
  private static final int PCAT_COMPAT = 1;

  private static final int LOCAL_APIC = 0;
  private static final int IO_APIC = 1;
  private static final int INTERRUPT_SOURCE_OVERRIDE = 2;
  private static final int LOCAL_APIC_NMI = 4;
  private static final int LOCAL_X2APIC = 9;
  private static final int LOCAL_X2APIC_NMI = 0xa;

  private static final int ENABLED = 1;
  private static final int ISA_BUS = 0;
  private static final int BUS_DEFAULT = 0;
  private static final int LEVEL_ACTIVE_HIGH = 0x0d;
  private static final int ALL_PROCESSORS = 0xff;
  private static final int ALL_X2APIC_PROCESSORS = -1;
  private static final int LINT1 = 1;

  private Madt() {}

  static byte[] build(AcpiConfig config) {
    TableWriter out = TableWriter.withHeader("APIC", REVISION);
    out.u32(AddressMap.LOCAL_APIC).u32(config.longApicIds() ? 0 : PCAT_COMPAT);
    for (int i = 0; i < config.vcpus(); i++) {
      if (i < GsiRouter.MAX_SHORT_IDS) {
        out.u8(LOCAL_APIC).u8(8).u8(i).u8(i).u32(ENABLED);
      } else {
        out.u8(LOCAL_X2APIC).u8(16).u16(0).u32(i).u32(ENABLED).u32(i);
      }
    }
    // KVM's I/O APIC has ID 0 in its own register.
    out.u8(IO_APIC).u8(12).u8(0).u8(0).u32(AddressMap.IO_APIC).u32(0);
    if (config.timerGsi() != 0) {
      sourceOverride(out, 0, config.timerGsi(), BUS_DEFAULT);
    }
    int sci = config.pmPorts().sci();
    sourceOverride(out, sci, sci, LEVEL_ACTIVE_HIGH);
    out.u8(LOCAL_APIC_NMI).u8(6).u8(ALL_PROCESSORS).u16(BUS_DEFAULT).u8(LINT1);
    if (config.longApicIds()) {
      out.u8(LOCAL_X2APIC_NMI).u8(12).u16(BUS_DEFAULT);
      out.u32(ALL_X2APIC_PROCESSORS).u8(LINT1).zeros(3);
    }
    return out.finish();
  }

  private static void sourceOverride(TableWriter out, int irq, int gsi, int flags) {
    out.u8(INTERRUPT_SOURCE_OVERRIDE).u8(10).u8(ISA_BUS).u8(irq).u32(gsi).u16(flags);
  }
}
