package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.Locale;

/** A register in which the CPUID instruction returns something. */
public enum CpuidRegister {
  EAX,
  EBX,
  ECX,
  EDX;

  /** Returns what the register holds. */
  public int of(CpuidTable.Entry entry) {
    return switch (this) {
      case EAX -> entry.eax();
      case EBX -> entry.ebx();
      case ECX -> entry.ecx();
      case EDX -> entry.edx();
    };
  }

  /** Returns an entry that differs from another in this register only. */
  public CpuidTable.Entry with(CpuidTable.Entry e, int value) {
    return new CpuidTable.Entry(
        e.function(),
        e.index(),
        e.flags(),
        this == EAX ? value : e.eax(),
        this == EBX ? value : e.ebx(),
        this == ECX ? value : e.ecx(),
        this == EDX ? value : e.edx());
  }

  /** Returns its name: {@code eax} to {@code edx}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
