package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.List;

/**
 * CPUID of one vCPU: what its guest is offered, with the topology of this machine: one socket, one
 * thread per core, caches of level 1 and 2 of each vCPU's own, and one of level 3 for all (Intel
 * SDM 2A CPUID; AMD APM 3 appendix E). Both sides of a migration derive the same, so that it need
 * not travel.
 */
public final class GuestCpuid {
  private static final int LEVEL_TYPE_SMT = 1;
  private static final int LEVEL_TYPE_CORE = 2;
  private static final int ECX_TSC_DEADLINE = 1 << 24;
  private static final int ECX_HYPERVISOR = 1 << 31;
  private static final int EDX_HTT = 1 << 28;

  /** Fields that are too narrow for large machines hold the most that they can. */
  private static final int MAX_LEAF1_IDS = 0xff;

  private static final int MAX_LEAF4_CORES = 0x3f;
  private static final int MAX_CACHE_SHARING = 0xfff;
  private static final int MAX_AMD_CORES = 0xff;

  private GuestCpuid() {}

  /**
   * Returns the table of one vCPU.
   *
   * @param offered what a guest is offered
   * @param vcpu the vCPU's number, which is its APIC id
   * @param vcpus how many there are
   */
  public static CpuidTable forVcpu(CpuidTable offered, int vcpu, int vcpus) {
    int idBits = 32 - Integer.numberOfLeadingZeros(Math.max(0, vcpus - 1));
    int maxId = (1 << idBits) - 1;
    List<CpuidTable.Entry> entries = new ArrayList<>();
    for (CpuidTable.Entry e : offered.entries()) {
      switch (e.function()) {
        case 0x1 -> {
          int ids = Math.min(MAX_LEAF1_IDS, vcpus);
          int ebx = (e.ebx() & 0xffff) | (ids << 16) | (vcpu << 24);
          int edx = vcpus > 1 ? e.edx() | EDX_HTT : e.edx() & ~EDX_HTT;
          entries.add(new CpuidTable.Entry(1, 0, e.flags(), e.eax(), ebx, e.ecx(), edx));
        }
        case 0x4 -> {
          int cores = Math.min(MAX_LEAF4_CORES, maxId) << 26;
          int eax = e.eax() == 0 ? 0 : (cacheOf(e, maxId) & 0x3ffffff) | cores;
          entries.add(CpuidRegister.EAX.with(e, eax));
        }
        // Written below; KVM passes the host's topology through.
        case 0xb, 0x1f, 0x80000026 -> {}
        case 0x80000008 -> {
          int cores = Math.min(MAX_AMD_CORES, vcpus - 1);
          int ecx = (e.ecx() & ~0xf0ff) | (idBits << 12) | cores;
          entries.add(CpuidRegister.ECX.with(e, ecx));
        }
        case 0x8000001d -> entries.add(CpuidRegister.EAX.with(e, cacheOf(e, maxId)));
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

  /** Returns EAX of a cache: its level is in bits 7:5, how many more ids share it in 25:14. */
  private static int cacheOf(CpuidTable.Entry e, int maxId) {
    int level = e.eax() >>> 5 & 7;
    int sharing = level >= 3 ? Math.min(MAX_CACHE_SHARING, maxId) : 0;
    return (e.eax() & ~(MAX_CACHE_SHARING << 14)) | sharing << 14;
  }

  private static void addTopology(
      List<CpuidTable.Entry> entries, int function, int vcpu, int vcpus, int idBits) {
    int flags = CpuidTable.SIGNIFICANT_INDEX;
    entries.add(new CpuidTable.Entry(function, 0, flags, 0, 1, LEVEL_TYPE_SMT << 8, vcpu));
    entries.add(
        new CpuidTable.Entry(function, 1, flags, idBits, vcpus, (LEVEL_TYPE_CORE << 8) | 1, vcpu));
    entries.add(new CpuidTable.Entry(function, 2, flags, 0, 0, 2, vcpu));
  }

  /**
   * Returns the bits of a word that every machine offers, whether its words say so or not: only
   * newer kernels list them.
   */
  public static int alwaysOffered(CpuFeatureWord word) {
    return word.function() == 1 && word.register().equals("ecx")
        ? ECX_TSC_DEADLINE | ECX_HYPERVISOR
        : 0;
  }

  /**
   * Returns the words of feature bits that a guest with this table may rely on, without those that
   * are {@link #alwaysOffered}. Before version 6 of the migration protocol they were all that was
   * compared.
   */
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
    CpuFeatureWord word = new CpuFeatureWord(e.function(), e.index(), register, bits);
    int told = bits & ~alwaysOffered(word);
    if (told != 0) {
      words.add(new CpuFeatureWord(e.function(), e.index(), register, told));
    }
  }
}
