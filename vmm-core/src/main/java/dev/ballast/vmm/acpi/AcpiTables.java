package dev.ballast.vmm.acpi;

/** Builds the tables of a machine and lays them out in guest memory. */
public final class AcpiTables {
  private static final int RSDP_LENGTH = 36;
  private static final int RSDP_V1_LENGTH = 20;
  private static final int RSDP_CHECKSUM_OFFSET = 8;
  private static final int RSDP_EXTENDED_CHECKSUM_OFFSET = 32;
  private static final int RSDP_REVISION = 2;

  private final long base;
  private final TableWriter image = new TableWriter();

  private AcpiTables(long base) {
    this.base = base;
  }

  /**
   * Builds all tables. A guest that is not given the RSDP's address searches for it at multiples of
   * 16 from 0xE0000 to 0xFFFFF (ACPI 6.5 §5.2.5.1); the RSDP is the first of the tables.
   *
   * @param config what to describe
   * @param base the guest physical address of the first byte, a multiple of 64 below 4 GiB
   */
  public static AcpiImage build(AcpiConfig config, long base) {
    if (base < 0 || base >= 1L << 32 || base % Facs.ALIGNMENT != 0) {
      throw new IllegalArgumentException(
          "ACPI tables cannot lie at 0x%x: not a multiple of 64 below 4 GiB".formatted(base));
    }
    return new AcpiTables(base).build(config);
  }

  private AcpiImage build(AcpiConfig config) {
    // The RSDP comes first but points at the last: its place is kept free.
    place(new byte[RSDP_LENGTH]);
    long facs = place(Facs.build());
    long dsdt = place(Dsdt.build(config));
    long fadt = place(Fadt.build(config, facs, dsdt));
    long madt = place(Madt.build(config));
    TableWriter all = TableWriter.withHeader("XSDT", 1).u64(fadt).u64(madt);
    if (!config.numa().nodes().isEmpty()) {
      all.u64(place(Srat.build(config.numa()))).u64(place(Slit.build(config.numa())));
    }
    long xsdt = place(all.finish());

    byte[] bytes = image.toByteArray();
    System.arraycopy(rsdp(xsdt), 0, bytes, 0, RSDP_LENGTH);
    return new AcpiImage(bytes, base, base);
  }

  private long place(byte[] table) {
    image.zeros(-image.size() & (Facs.ALIGNMENT - 1));
    long address = base + image.size();
    image.bytes(table);
    return address;
  }

  /** The Root System Description Pointer (ACPI 6.5 §5.2.5.3). */
  private static byte[] rsdp(long xsdt) {
    byte[] table =
        new TableWriter()
            .ascii("RSD PTR ")
            .u8(0) // checksum
            .oemId()
            .u8(RSDP_REVISION)
            .u32(0) // RSDT: there is only the XSDT
            .u32(RSDP_LENGTH)
            .u64(xsdt)
            .u32(0) // extended checksum, reserved
            .toByteArray();
    table[RSDP_CHECKSUM_OFFSET] = TableWriter.checksum(table, RSDP_V1_LENGTH);
    table[RSDP_EXTENDED_CHECKSUM_OFFSET] = TableWriter.checksum(table, RSDP_LENGTH);
    return table;
  }
}
