package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.KvmH;
import java.util.List;
import java.util.Optional;

/**
 * What the CPUID instruction returns on a vCPU: the table of KVM_GET_SUPPORTED_CPUID (KVM API
 * §4.46) and KVM_SET_CPUID2; immutable.
 *
 * @param entries one per leaf or subleaf, in the order in which the kernel lists them
 */
public record CpuidTable(List<Entry> entries) {
  /** {@link Entry#flags}: the entry is for its index only. */
  public static final int SIGNIFICANT_INDEX = KvmH.KVM_CPUID_FLAG_SIGNIFCANT_INDEX();

  /**
   * A leaf or subleaf.
   *
   * @param function EAX of the instruction, for instance 0x80000001
   * @param index ECX of the instruction; significant only with {@link #SIGNIFICANT_INDEX} in {@code
   *     flags}
   * @param flags {@code KVM_CPUID_FLAG_*}
   */
  public record Entry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {
    private boolean answers(int otherFunction, int otherIndex) {
      return function == otherFunction && ((flags & SIGNIFICANT_INDEX) == 0 || index == otherIndex);
    }
  }

  public CpuidTable {
    entries = List.copyOf(entries);
  }

  /** Returns the entry that answers CPUID with EAX = {@code function} and ECX = {@code index}. */
  public Optional<Entry> find(int function, int index) {
    // A machine that starts looks up hundreds, before streams are warm.
    for (Entry entry : entries) {
      if (entry.answers(function, index)) {
        return Optional.of(entry);
      }
    }
    return Optional.empty();
  }
}
