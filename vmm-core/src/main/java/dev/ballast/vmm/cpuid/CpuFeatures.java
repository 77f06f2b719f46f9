package dev.ballast.vmm.cpuid;

import static dev.ballast.vmm.cpuid.CpuidRegister.EAX;
import static dev.ballast.vmm.cpuid.CpuidRegister.EBX;
import static dev.ballast.vmm.cpuid.CpuidRegister.ECX;
import static dev.ballast.vmm.cpuid.CpuidRegister.EDX;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The features that have names (Intel SDM 2A CPUID, AMD APM 3 appendix E, KVM's cpuid.rst). A name
 * is understood in any case, and with '-' or '.' for '_', as QEMU writes it.
 */
public final class CpuFeatures {
  private static final Map<String, CpuFeature> BY_NAME = new LinkedHashMap<>();
  private static final List<Word> WORDS = new ArrayList<>();

  /** Other names that people know a feature by. */
  private static final Map<String, String> ALIASES =
      Map.ofEntries(
          Map.entry("sse3", "pni"),
          Map.entry("lzcnt", "abm"),
          Map.entry("cmpxchg16b", "cx16"),
          Map.entry("pclmul", "pclmulqdq"),
          Map.entry("ffxsr", "fxsr_opt"),
          Map.entry("sha", "sha_ni"),
          Map.entry("tsc_deadline", "tsc_deadline_timer"),
          Map.entry("nonstop_tsc", "invtsc"),
          Map.entry("constant_tsc", "invtsc"),
          Map.entry("user_shstk", "shstk"),
          Map.entry("lahf", "lahf_lm"));

  static {
    word(
        0x1,
        0,
        ECX,
        "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm"
            + " - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave osxsave"
            + " avx f16c rdrand hypervisor");
    word(
        0x1,
        0,
        EDX,
        "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush -"
            + " dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe");
    word(0x6, 0, EAX, "dtherm ida arat");
    word(
        0x7,
        0,
        EBX,
        "fsgsbase tsc_adjust sgx bmi1 hle avx2 fdp_excptn_only smep bmi2 erms invpcid rtm cqm"
            + " zero_fcs_fds mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma pcommit"
            + " clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl");
    word(
        0x7,
        0,
        ECX,
        "prefetchwt1 avx512vbmi umip pku ospke waitpkg avx512_vbmi2 shstk gfni vaes vpclmulqdq"
            + " avx512_vnni avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect"
            + " cldemote - movdiri movdir64b enqcmd sgx_lc pks");
    word(
        0x7,
        0,
        EDX,
        "- - avx512_4vnniw avx512_4fmaps fsrm uintr - - avx512_vp2intersect srbds_ctrl md_clear"
            + " rtm_always_abort - tsx_force_abort serialize hybrid_cpu tsxldtrk - pconfig arch_lbr"
            + " ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 spec_ctrl intel_stibp flush_l1d"
            + " arch_capabilities core_capabilities spec_ctrl_ssbd");
    word(
        0x7,
        1,
        EAX,
        "sha512 sm3 sm4 - avx_vnni avx512_bf16 lass cmpccxadd arch_perfmon_ext - fzrm fsrs fsrc -"
            + " - - - fred lkgs wrmsrns nmi_source amx_fp16 hreset avx_ifma - - lam msrlist"
            + " - - movrs");
    word(0x7, 1, ECX, "- - - - - msr_imm");
    word(
        0x7,
        1,
        EDX,
        "- - - - avx_vnni_int8 avx_ne_convert - - amx_complex - avx_vnni_int16 - - utmr"
            + " prefetchi user_msr - uiret_uif cet_sss avx10 - apxf");
    word(0x7, 2, EDX, "psfd ipred_ctrl rrsba_ctrl ddpd_u bhi_ctrl mcdt_no");
    number("pmu", 0xa, 0, EAX, 0xff);
    word(0xd, 1, EAX, "xsaveopt xsavec xgetbv1 xsaves xfd");
    word(0x14, 0, EBX, "intel_pt_cr3_filter");
    word(
        0x40000001,
        0,
        EAX,
        "kvmclock kvm_nopiodelay kvm_mmu kvmclock2 kvm_asyncpf kvm_steal_time kvm_pv_eoi"
            + " kvm_pv_unhalt - kvm_pv_tlb_flush kvm_asyncpf_vmexit kvm_pv_ipi kvm_poll_control"
            + " kvm_pv_sched_yield kvm_asyncpf_int kvm_msi_ext_dest_id kvm_hc_map_gpa_range"
            + " kvm_migration_control - - - - - - kvmclock_stable_bit");
    word(
        0x80000001,
        0,
        ECX,
        "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop"
            + " skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb -"
            + " bpext ptsc perfctr_llc mwaitx addr_mask_ext");
    // The others repeat leaf 1 on AMD.
    word(
        0x80000001,
        0,
        EDX,
        "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp"
            + " - lm 3dnowext 3dnow");
    word(0x80000007, 0, EBX, "overflow_recov succor - smca");
    word(0x80000007, 0, EDX, "- - - - - - - - invtsc");
    word(
        0x80000008,
        0,
        EBX,
        "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd - - ibpb - ibrs stibp ibrs_always_on"
            + " stibp_always_on ibrs_preferred ibrs_same_mode - - - amd_ppin amd_ssbd virt_ssbd"
            + " amd_ssb_no cppc amd_psfd btc_no ibpb_ret");
    word(0x8000001f, 0, EAX, "sme sev vm_page_flush sev_es sev_snp vmpl");
    word(
        0x80000021,
        0,
        EAX,
        "no_nested_data_bp fs_gs_base_ns lfence_rdtsc - - verw_clear null_sel_clr_base - autoibrs"
            + " no_smm_ctl_msr - - - prefetchctl - - - - - - - - - - - - - sbpb ibpb_brtype"
            + " srso_no srso_user_kernel_no");
    word(0x80000021, 0, ECX, "- tsa_sq_no tsa_l1_no");
    word(0x80000022, 0, EAX, "perfmon_v2 lbr_v2 lbr_pmc_freeze");
  }

  private CpuFeatures() {}

  /** A register whose bits are features. */
  record Word(int leaf, int subleaf, CpuidRegister register) {}

  private static void word(int leaf, int subleaf, CpuidRegister register, String names) {
    WORDS.add(new Word(leaf, subleaf, register));
    int bit = 0;
    for (String name : names.split(" ", -1)) {
      if (!name.equals("-")) {
        BY_NAME.put(name, new CpuFeature(name, leaf, subleaf, register, 1 << bit));
      }
      bit++;
    }
  }

  private static void number(String name, int leaf, int subleaf, CpuidRegister register, int mask) {
    BY_NAME.put(name, new CpuFeature(name, leaf, subleaf, register, mask));
  }

  /** Returns all of them, by leaf. */
  public static Collection<CpuFeature> all() {
    return List.copyOf(BY_NAME.values());
  }

  /** Returns the registers whose bits are features. */
  static List<Word> words() {
    return List.copyOf(WORDS);
  }

  /** Returns the feature with a name; empty if there is none. */
  public static Optional<CpuFeature> find(String name) {
    String plain = name.toLowerCase(Locale.ROOT).replace('-', '_').replace('.', '_');
    return Optional.ofNullable(BY_NAME.get(ALIASES.getOrDefault(plain, plain)));
  }

  /** Returns the feature with a name that is known to be there. */
  static CpuFeature get(String name) {
    return find(name).orElseThrow(() -> new IllegalArgumentException(name));
  }

  /** Returns the features with names, separated by blanks, that are known to be there. */
  static List<CpuFeature> list(String names) {
    List<CpuFeature> features = new ArrayList<>();
    for (String name : names.split(" ", -1)) {
      features.add(get(name));
    }
    return features;
  }

  /** Returns what one bit is called: the feature's name, or its place. */
  static String nameOf(int leaf, int subleaf, CpuidRegister register, int bit) {
    for (CpuFeature feature : BY_NAME.values()) {
      if (feature.leaf() == leaf
          && feature.subleaf() == subleaf
          && feature.register() == register
          && feature.mask() == 1 << bit) {
        return feature.name();
      }
    }
    return "0x%x.%d.%s[%d]".formatted(leaf, subleaf, register.label(), bit);
  }

  /** Returns the names that are written most like one that is unknown, the nearest first. */
  public static List<String> nearest(String name) {
    String plain = name.toLowerCase(Locale.ROOT).replace('-', '_').replace('.', '_');
    int most = Math.max(1, plain.length() / 3);
    return BY_NAME.keySet().stream()
        .filter(other -> distance(plain, other) <= most || isPart(plain, other))
        .sorted(Comparator.<String>comparingInt(other -> distance(plain, other)))
        .limit(3)
        .toList();
  }

  private static boolean isPart(String name, String other) {
    return name.length() > 2 && other.startsWith(name);
  }

  /** By how many insertions, deletions and replacements of one character two names differ. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
