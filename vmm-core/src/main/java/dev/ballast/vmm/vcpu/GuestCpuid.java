package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.List;

/**
 * The CPUID leaves of a guest: what KVM supports on this host, without nested virtualisation, and
 * with the topology of this machine: one socket, one thread per core (Intel SDM 2A CPUID; AMD APM 3
 * appendix E).
 */
public final class GuestCpuid {
  private static final int LEVEL_TYPE_SMT = 1;
  private static final int LEVEL_TYPE_CORE = 2;
  private static final int ECX_VMX = 1 << 5;
  private static final int ECX_SVM = 1 << 2;
  private static final int LEAF_SVM = 0x8000000a;
  private static final int ECX_TSC_DEADLINE = 1 << 24;
  private static final int ECX_HYPERVISOR = 1 << 31;
  private static final int EDX_HTT = 1 << 28;

  private GuestCpuid() {}

  /**
   * Returns what a guest is offered: all that KVM supports except nested virtualisation. Nested
   * state (KVM_GET_NESTED_STATE) is not saved, so that a machine that is migrated or reset while an
   * L2 guest runs would go on with the L2 guest's registers in L1.
   *
   * @param supported what KVM supports on this host (KVM_GET_SUPPORTED_CPUID)
   */
  public static CpuidTable offered(CpuidTable supported) {
    List<CpuidTable.Entry> entries = new ArrayList<>();
    for (CpuidTable.Entry e : supported.entries()) {
      switch (e.function()) {
        case 0x1 -> entries.add(withEcx(e, e.ecx() & ~ECX_VMX));
        case 0x80000001 -> entries.add(withEcx(e, e.ecx() & ~ECX_SVM));
        case LEAF_SVM -> {}
        default -> entries.add(e);
      }
    }
    return new CpuidTable(entries);
  }

  private static CpuidTable.Entry withEcx(CpuidTable.Entry e, int ecx) {
    return new CpuidTable.Entry(e.function(), e.index(), e.flags(), e.eax(), e.ebx(), ecx, e.edx());
  }

  /**
   * Returns the table of one vCPU.
   *
   * @param offered what a guest is offered ({@link #offered})
   * @param vcpu the vCPU's number, which is its APIC id
   * @param vcpus how many there are
   * @param tscDeadline whether KVM's local APIC has the TSC-deadline timer
   */
  public static CpuidTable forVcpu(CpuidTable offered, int vcpu, int vcpus, boolean tscDeadline) {
    int idBits = 32 - Integer.numberOfLeadingZeros(Math.max(0, vcpus - 1));
    List<CpuidTable.Entry> entries = new ArrayList<>();
    for (CpuidTable.Entry e : offered.entries()) {
      switch (e.function()) {
        case 0x1 -> {
          int ecx = e.ecx() | ECX_HYPERVISOR | (tscDeadline ? ECX_TSC_DEADLINE : 0);
          int ebx = (e.ebx() & 0xffff) | (vcpus << 16) | (vcpu << 24);
          int edx = vcpus > 1 ? e.edx() | EDX_HTT : e.edx() & ~EDX_HTT;
          entries.add(new CpuidTable.Entry(1, 0, e.flags(), e.eax(), ebx, ecx, edx));
        }
        // Deterministic cache parameters: how many ids share a cache, and how many cores a package
        // has.
        case 0x4 -> {
          int eax = (e.eax() & 0x3fff) | ((vcpus - 1) << 26);
          entries.add(
              new CpuidTable.Entry(4, e.index(), e.flags(), eax, e.ebx(), e.ecx(), e.edx()));
        }
        // Written below; KVM passes the host's topology through.
        case 0xb, 0x1f -> {}
        case 0x80000008 -> {
          int ecx = (e.ecx() & ~0xf0ff) | (idBits << 12) | (vcpus - 1);
          entries.add(
              new CpuidTable.Entry(e.function(), 0, e.flags(), e.eax(), e.ebx(), ecx, e.edx()));
        }
        case 0x8000001e ->
            entries.add(new CpuidTable.Entry(e.function(), 0, e.flags(), vcpu, vcpu & 0xff, 0, 0));
        default -> entries.add(e);
      }
    }
    if (offered.find(0xb, 0).isPresent()) {
      addTopology(entries, 0xb, vcpu, vcpus, idBits);
    }
    if (offered.find(0x1f, 0).isPresent()) {
      addTopology(entries, 0x1f, vcpu, vcpus, idBits);
    }
    return new CpuidTable(entries);
  }

  private static void addTopology(
      List<CpuidTable.Entry> entries, int function, int vcpu, int vcpus, int idBits) {
    int flags = CpuidTable.SIGNIFICANT_INDEX;
    entries.add(new CpuidTable.Entry(function, 0, flags, 0, 1, LEVEL_TYPE_SMT << 8, vcpu));
    entries.add(
        new CpuidTable.Entry(function, 1, flags, idBits, vcpus, (LEVEL_TYPE_CORE << 8) | 1, vcpu));
    entries.add(new CpuidTable.Entry(function, 2, flags, 0, 0, 2, vcpu));
  }

  /** Returns the words of feature bits that a guest with this table may rely on. */
  public static List<CpuFeatureWord> features(CpuidTable table) {
    List<CpuFeatureWord> words = new ArrayList<>();
    for (CpuidTable.Entry e : table.entries()) {
      switch (e.function()) {
        case 0x1, 0x80000001 -> {
          add(words, e, "ecx", e.ecx());
          add(words, e, "edx", e.edx());
        }
        case 0x7 -> {
          add(words, e, "ebx", e.ebx());
          add(words, e, "ecx", e.ecx());
          add(words, e, "edx", e.edx());
          if (e.index() != 0) {
            add(words, e, "eax", e.eax());
          }
        }
        case 0xd -> {
          if (e.index() <= 1) {
            add(words, e, "eax", e.eax());
          }
        }
        case 0x40000001 -> add(words, e, "eax", e.eax());
        case 0x80000008 -> add(words, e, "ebx", e.ebx());
        default -> {}
      }
    }
    return words;
  }

  private static void add(
      List<CpuFeatureWord> words, CpuidTable.Entry e, String register, int bits) {
    if (bits != 0) {
      words.add(new CpuFeatureWord(e.function(), e.index(), register, bits));
    }
  }
}
