package dev.ballast.vmm.acpi;

/**
 * The Firmware ACPI Control Structure: the global lock, which only the guest takes (ACPI 6.5
 * §5.2.10).
 */
final class Facs {
  /** The alignment of its address in bytes. */
  static final int ALIGNMENT = 64;

  private static final int LENGTH = 64;
  private static final int VERSION = 2;

  private Facs() {}

  static byte[] build() {
    return new TableWriter()
        .ascii("FACS")
        .u32(LENGTH)
        .zeros(24) // hardware signature, waking vectors, global lock, flags
        .u8(VERSION)
        .zeros(LENGTH - 33)
        .toByteArray();
  }
}
