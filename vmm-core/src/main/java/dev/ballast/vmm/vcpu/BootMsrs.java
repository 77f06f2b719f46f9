package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.MsrTable;
import dev.ballast.ffi.kvm.VcpuRegisters;
import dev.ballast.ffi.linux.ErrnoException;
import java.util.OptionalLong;

/**
 * The MSRs that firmware sets on every processor before an operating system starts, and that KVM
 * leaves clear.
 */
public final class BootMsrs {
  /** IA32_MTRR_DEF_TYPE (Intel SDM 3A §12.11.2.1). */
  static final int MTRR_DEF_TYPE = 0x2ff;

  /** MTRRs are on, but for the fixed ranges, which say uncached; write-back is the default. */
  private static final long MTRR_ENABLED_WRITE_BACK = 0x806;

  /** IA32_MISC_ENABLE (Intel SDM 4, table 2-2). */
  private static final int MISC_ENABLE = 0x1a0;

  private static final long FAST_STRING = 1;

  private BootMsrs() {}

  /**
   * Enables fast strings, without which Linux on Intel copies memory the slow way, and the MTRRs,
   * without which it has no write-combining. A KVM that refuses either leaves the guest without.
   *
   * @param vcpu a vCPU that never ran
   * @throws ErrnoException if KVM does not set MSRs at all
   */
  public static void apply(VcpuRegisters vcpu) throws ErrnoException {
    OptionalLong misc = vcpu.getMsrs(new int[] {MISC_ENABLE}).find(MISC_ENABLE);
    vcpu.setMsrs(
        misc.isPresent()
            ? new MsrTable(
                new int[] {MTRR_DEF_TYPE, MISC_ENABLE},
                new long[] {MTRR_ENABLED_WRITE_BACK, misc.getAsLong() | FAST_STRING})
            : new MsrTable(new int[] {MTRR_DEF_TYPE}, new long[] {MTRR_ENABLED_WRITE_BACK}));
  }
}
