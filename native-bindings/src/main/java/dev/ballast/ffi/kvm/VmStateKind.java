package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_clock_data;

/**
 * The parts of a VM's in-kernel state that migrate, carried as the kernel's structs, native-endian.
 */
public enum VmStateKind {
  /** The first 8259. */
  PIC_MASTER(KvmH.KVM_IRQCHIP_PIC_MASTER(), KvmH.SIZEOF_kvm_pic_state()),
  /** The second 8259. */
  PIC_SLAVE(KvmH.KVM_IRQCHIP_PIC_SLAVE(), KvmH.SIZEOF_kvm_pic_state()),
  /** The I/O APIC with its 24 pins. */
  IOAPIC(KvmH.KVM_IRQCHIP_IOAPIC(), KvmH.SIZEOF_kvm_ioapic_state()),
  /** The i8254 timer. */
  PIT2(VmStateKind.NO_CHIP, KvmH.SIZEOF_kvm_pit_state2()),
  /**
   * The paravirtual clock, in nanoseconds, with the host's wall clock at the moment it was read.
   * Setting it continues from the value that was read, so that the guest's clock stands still
   * during a migration; {@link KvmVm#setClockAdvanced} lets it run on.
   */
  CLOCK(VmStateKind.NO_CHIP, (int) kvm_clock_data.sizeof());

  private static final int NO_CHIP = -1;

  /** {@code KVM_IRQCHIP_*}, or -1. */
  final int chip;

  /** In bytes. */
  final int size;

  VmStateKind(int chip, int size) {
    this.chip = chip;
    this.size = size;
  }
}
