package dev.ballast.vmm.cpuid;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.function.Predicate;

/** The MSRs that describe features: which of them a guest sees, and what they promise. */
final class FeatureMsrs {
  private static final int CORE_CAPABILITIES = 0xcf;
  private static final int PERF_CAPABILITIES = 0x345;

  /** Bit 1: LFENCE is serializing (AMD APM 2, appendix A). */
  private static final int DE_CFG = 0xc0011029;

  /** The bits of IA32_ARCH_CAPABILITIES by their names in QEMU, from bit 0. */
  private static final String[] ARCH_CAPABILITIES =
      ("rdctl_no ibrs_all rsba skip_l1dfl_vmentry ssb_no mds_no pschange_mc_no tsx_ctrl taa_no"
              + " mcu_ctrl misc_package_ctls energy_filtering_ctl doitm sbdr_ssdp_no fbsdp_no"
              + " psdp_no - fb_clear fb_clear_ctrl rrsba bhi_no xapic_disable - - pbrsb_no gds_ctrl"
              + " gds_no rfds_no rfds_clear")
          .split(" ", -1);

  private static final int BIT_ITS_NO = 62;

  /** They warn: a guest that has read them is careful on any processor. */
  private static final long CAUTIONS = bits("rsba") | bits("rrsba");

  private static final long FILL_BUFFERS_CLEARED = bits("fb_clear");
  private static final long FILL_BUFFERS_SAFE =
      bits("sbdr_ssdp_no") | bits("fbsdp_no") | bits("psdp_no");
  private static final long REGISTER_FILE_CLEARED = bits("rfds_clear");
  private static final long REGISTER_FILE_SAFE = bits("rfds_no");

  private FeatureMsrs() {}

  private static long bits(String name) {
    for (int i = 0; i < ARCH_CAPABILITIES.length; i++) {
      if (ARCH_CAPABILITIES[i].equals(name)) {
        return 1L << i;
      }
    }
    throw new IllegalArgumentException(name);
  }

  /** Returns those that a guest with the profile's CPUID may read, with their values. */
  static Map<Integer, Long> offered(CpuProfile profile) {
    Map<Integer, Long> offered = new LinkedHashMap<>();
    for (Map.Entry<Integer, Long> msr : profile.featureMsrs().entrySet()) {
      if (isSeen(msr.getKey(), feature -> feature.isIn(profile.cpuid()))) {
        offered.put(msr.getKey(), msr.getValue());
      }
    }
    return offered;
  }

  /** Lowers the values that promise more than a limit. */
  static void limit(Map<Integer, Long> values, Map<Integer, Long> most) {
    for (Map.Entry<Integer, Long> msr : values.entrySet()) {
      Long limit = most.get(msr.getKey());
      if (limit != null) {
        msr.setValue(common(msr.getKey(), msr.getValue(), limit));
      }
    }
  }

  /**
   * Returns whether a guest with some features may read an MSR. What nested virtualisation can do,
   * and the microcode's revision, promise nothing to it.
   */
  static boolean isSeen(int index, Predicate<CpuFeature> has) {
    return switch (index) {
      case CpuProfile.MSR_ARCH_CAPABILITIES -> has.test(CpuFeatures.get("arch_capabilities"));
      case CORE_CAPABILITIES -> has.test(CpuFeatures.get("core_capabilities"));
      case PERF_CAPABILITIES -> has.test(CpuFeatures.get("pdcm"));
      case DE_CFG -> true;
      default -> false;
    };
  }

  /** Returns whether a guest may be promised anything by an MSR; of others nothing is offered. */
  static boolean isKnown(int index) {
    return switch (index) {
      case CpuProfile.MSR_ARCH_CAPABILITIES, CORE_CAPABILITIES, PERF_CAPABILITIES, DE_CFG -> true;
      default -> false;
    };
  }

  /** Returns a value that promises no more than either. */
  static long common(int index, long a, long b) {
    return index == CpuProfile.MSR_ARCH_CAPABILITIES ? (a & b) | ((a | b) & CAUTIONS) : a & b;
  }

  /**
   * Returns what the guest was promised and the host does not keep; empty if it keeps all.
   *
   * @param source the value that the guest has read
   * @param here the value of the host
   */
  static Optional<String> missing(int index, long source, long here) {
    long missing =
        switch (index) {
          case CpuProfile.MSR_ARCH_CAPABILITIES -> source & ~keeps(here);
          case PERF_CAPABILITIES -> source ^ here;
          default -> source & ~here;
        };
    return missing == 0 ? Optional.empty() : Optional.of(names(index, missing));
  }

  /** A processor that is immune need not be able to clear. */
  private static long keeps(long here) {
    long keeps = here | CAUTIONS;
    if ((here & FILL_BUFFERS_SAFE) == FILL_BUFFERS_SAFE) {
      keeps |= FILL_BUFFERS_CLEARED;
    }
    if ((here & REGISTER_FILE_SAFE) != 0) {
      keeps |= REGISTER_FILE_CLEARED;
    }
    return keeps;
  }

  private static String names(int index, long bits) {
    StringJoiner names = new StringJoiner(", ");
    for (int bit = 0; bit < Long.SIZE; bit++) {
      if ((bits >>> bit & 1) != 0) {
        names.add(name(index, bit));
      }
    }
    return names.toString();
  }

  private static String name(int index, int bit) {
    if (index == CpuProfile.MSR_ARCH_CAPABILITIES) {
      if (bit == BIT_ITS_NO) {
        return "its_no";
      }
      if (bit < ARCH_CAPABILITIES.length && !ARCH_CAPABILITIES[bit].equals("-")) {
        return ARCH_CAPABILITIES[bit];
      }
    }
    return index == DE_CFG && bit == 1 ? "lfence_serialize" : "bit " + bit;
  }
}
