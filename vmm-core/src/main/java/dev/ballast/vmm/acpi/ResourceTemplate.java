package dev.ballast.vmm.acpi;

/** The resources that a device decodes or raises, for {@code _CRS} (ACPI 6.5 §6.4). */
final class ResourceTemplate {
  private static final int IRQ = 0x22;
  private static final int IO = 0x47;
  private static final int END_TAG = 0x79;
  private static final int MEMORY32_FIXED = 0x86;
  private static final int EXTENDED_INTERRUPT = 0x89;

  private static final int DECODE_16_BITS = 1;
  private static final int READ_WRITE = 1;
  private static final int CONSUMER = 1;
  private static final int EDGE_TRIGGERED = 1 << 1;

  private final TableWriter out = new TableWriter();

  /** Ports {@code first} to {@code first + count - 1}. */
  ResourceTemplate io(int first, int count) {
    out.u8(IO).u8(DECODE_16_BITS).u16(first).u16(first).u8(1).u8(count);
    return this;
  }

  /** An ISA interrupt, 0 to 15: edge-triggered, active high, exclusive. */
  ResourceTemplate isaInterrupt(int irq) {
    out.u8(IRQ).u16(1 << irq);
    return this;
  }

  /** Registers in memory, below 4 GiB, read and write. */
  ResourceTemplate memory(long base, int size) {
    out.u8(MEMORY32_FIXED).u16(9).u8(READ_WRITE).u32(base).u32(size);
    return this;
  }

  /** A GSI: edge-triggered, active high, exclusive. */
  ResourceTemplate edgeInterrupt(int gsi) {
    out.u8(EXTENDED_INTERRUPT).u16(6).u8(CONSUMER | EDGE_TRIGGERED).u8(1).u32(gsi);
    return this;
  }

  /** Returns the template as an AML buffer. */
  byte[] toAml() {
    // A checksum of 0 counts as right.
    return Aml.buffer(out.u8(END_TAG).u8(0).toByteArray());
  }
}
