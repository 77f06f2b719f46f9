package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.List;

/**
 * The MSRs that are part of a guest's state. KVM lists those of the host's processor; a guest
 * without a feature cannot reach the feature's, so that they need not move.
 */
final class GuestMsrs {
  /** MSRs from the first to the last, and the features of which the guest has one at least. */
  private record Range(int first, int last, List<CpuFeature> features) {
    private boolean isFor(CpuidTable cpuid) {
      for (CpuFeature feature : features) {
        if (feature.isIn(cpuid)) {
          return true;
        }
      }
      return false;
    }
  }

  private static final List<Range> RANGES =
      List.of(
          range(0x8c, 0x8f, "sgx_lc"),
          range(0xc1, 0xc8, "pmu"),
          range(0xcf, 0xcf, "core_capabilities"),
          range(0xe1, 0xe1, "waitpkg"),
          range(0x10a, 0x10a, "arch_capabilities"),
          range(0x122, 0x122, "arch_capabilities"),
          range(0x186, 0x18d, "pmu"),
          range(0x1c4, 0x1c5, "xfd"),
          range(0x309, 0x310, "pmu"),
          range(0x345, 0x345, "pdcm"),
          range(0x38d, 0x390, "pmu"),
          range(0x3f1, 0x3f7, "pmu"),
          range(0x480, 0x493, "vmx"),
          range(0x4c1, 0x4c8, "pmu"),
          range(0x560, 0x58f, "intel_pt"),
          range(0x600, 0x600, "pmu"),
          range(0x6a0, 0x6a8, "shstk ibt"),
          range(0x6e0, 0x6e0, "tsc_deadline_timer"),
          range(0xd90, 0xd90, "mpx"),
          range(0xda0, 0xda0, "xsaves"),
          range(0x14ce, 0x14cf, "arch_lbr"),
          // Hyper-V's, of which no guest is told.
          range(0x40000000, 0x400001ff, ""),
          range(0xc0000103, 0xc0000103, "rdtscp rdpid"),
          range(0xc0000104, 0xc0000104, "svm"),
          range(0xc0000300, 0xc0000303, "perfmon_v2"),
          range(0xc0010117, 0xc0010117, "svm"),
          range(0xc001011f, 0xc001011f, "virt_ssbd"),
          range(0xc0010200, 0xc001020b, "perfctr_core"));

  private GuestMsrs() {}

  private static Range range(int first, int last, String features) {
    return new Range(first, last, features.isEmpty() ? List.of() : CpuFeatures.list(features));
  }

  /** Returns those that a guest with a table can reach. */
  static List<Integer> seen(List<Integer> msrs, CpuidTable cpuid) {
    List<Range> hidden = new ArrayList<>();
    for (Range range : RANGES) {
      if (!range.isFor(cpuid)) {
        hidden.add(range);
      }
    }
    List<Integer> seen = new ArrayList<>();
    for (int msr : msrs) {
      if (!isIn(hidden, msr)) {
        seen.add(msr);
      }
    }
    return seen;
  }

  private static boolean isIn(List<Range> ranges, int msr) {
    for (Range range : ranges) {
      if (Integer.compareUnsigned(msr, range.first) >= 0
          && Integer.compareUnsigned(msr, range.last) <= 0) {
        return true;
      }
    }
    return false;
  }
}
