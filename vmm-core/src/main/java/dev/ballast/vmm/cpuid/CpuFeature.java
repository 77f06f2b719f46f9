package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.Optional;

/**
 * A feature of a processor that CPUID reports.
 *
 * @param name as in Linux's {@code /proc/cpuinfo} where it has one, else as in QEMU, with
 *     underscores: {@code avx512f}, {@code kvm_pv_eoi}
 * @param leaf EAX of the instruction
 * @param subleaf ECX of the instruction
 * @param register where it is reported
 * @param mask its bit; for {@code pmu}, which is a number, several
 */
public record CpuFeature(String name, int leaf, int subleaf, CpuidRegister register, int mask) {
  /** Returns whether a table has the feature. */
  public boolean isIn(CpuidTable table) {
    Optional<CpuidTable.Entry> entry = table.find(leaf, subleaf);
    return entry.isPresent() && (register.of(entry.get()) & mask) != 0;
  }
}
