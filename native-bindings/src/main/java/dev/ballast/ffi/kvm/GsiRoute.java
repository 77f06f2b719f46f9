package dev.ballast.ffi.kvm;

/**
 * Where a global system interrupt goes (KVM API §4.52). Several routes may share one {@code gsi}.
 */
public sealed interface GsiRoute {
  /** Returns the global system interrupt, 0 to 4095. */
  int gsi();

  /**
   * To a pin of an in-kernel interrupt controller.
   *
   * @param chip {@link VmStateKind#PIC_MASTER}, {@link VmStateKind#PIC_SLAVE} or {@link
   *     VmStateKind#IOAPIC}
   * @param pin 0 to 7, of the I/O APIC 0 to 23
   */
  record Pin(int gsi, VmStateKind chip, int pin) implements GsiRoute {
    public Pin {
      if (chip.chip < 0) {
        throw new IllegalArgumentException(chip + " is not an interrupt controller");
      }
    }
  }

  /**
   * As a message-signalled interrupt.
   *
   * @param address the guest-physical address that the device writes to
   * @param data the 32-bit value that it writes
   */
  record Msi(int gsi, long address, int data) implements GsiRoute {}
}
