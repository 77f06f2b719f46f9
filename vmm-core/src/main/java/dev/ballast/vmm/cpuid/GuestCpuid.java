package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.List;

/**
 * CPUID of one vCPU: what its guest is offered, with the topology of this machine: one socket, one
 * thread per core, caches of level 1 and 2 of each vCPU's own (Intel SDM 2A CPUID; AMD APM 3
 * appendix E). Both sides of a migration derive the same from the number of vCPUs. How many share a
 * cache of level 3 depends on the source's NUMA nodes, and is part of what is offered.
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
   * Returns what is offered with caches of level 3 that vCPUs share: those of a NUMA node do, so
   * that a kernel schedules among them; across nodes, Linux would take the topology for broken.
   *
   * @param offered what a guest is offered
   * @param vcpus how many neighbours share a cache, a power of 2
   */
  public static CpuidTable withSharedCaches(CpuidTable offered, int vcpus) {
    return new CpuidTable(
        offered.entries().stream()
            .map(e -> isCache(e) && level(e) >= 3 ? shared(e, vcpus - 1) : e)
            .toList());
  }

  private static boolean isCache(CpuidTable.Entry e) {
    return e.function() == 0x4 || e.function() == 0x8000001d;
  }

  /** The level of a cache, in EAX 7:5; 0 at the end of the list. */
  private static int level(CpuidTable.Entry e) {
    return e.eax() >>> 5 & 7;
  }

  /** How many more ids share a cache, in EAX 25:14. */
  private static CpuidTable.Entry shared(CpuidTable.Entry e, int others) {
    int eax = (e.eax() & ~(MAX_CACHE_SHARING << 14)) | Math.min(MAX_CACHE_SHARING, others) << 14;
    return CpuidRegister.EAX.with(e, eax);
  }

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
          CpuidTable.Entry cache = ownUpToLevel2(e);
          int eax = level(e) == 0 ? 0 : (cache.eax() & 0x3ffffff) | cores;
          entries.add(CpuidRegister.EAX.with(cache, eax));
        }
        // Written below; KVM passes the host's topology through.
        case 0xb, 0x1f, 0x80000026 -> {}
        case 0x80000008 -> {
          int cores = Math.min(MAX_AMD_CORES, vcpus - 1);
          int ecx = (e.ecx() & ~0xf0ff) | (idBits << 12) | cores;
          entries.add(CpuidRegister.ECX.with(e, ecx));
        }
        case 0x8000001d -> entries.add(ownUpToLevel2(e));
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

  private static CpuidTable.Entry ownUpToLevel2(CpuidTable.Entry e) {
    return level(e) == 0 || level(e) >= 3 ? e : shared(e, 0);
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
