package dev.ballast.vmm.cpuid;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The levels of the x86-64 psABI. What the psABI lists a host must have. Beside it a guest is
 * offered, if the host has it, what kernels need or gain by and all processors of the level have,
 * what switches speculation off, and what KVM provides itself. Nothing of {@code
 * arch_capabilities}: a guest takes its processor for vulnerable, and stays safe wherever it goes.
 */
public enum CpuLevel {
  V2(
      "x86-64-v2",
      "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3",
      "vme de pse mtrr mca pse36 clflush ht tsc_adjust rdtscp xsave xsaveopt arat ss"
          + " tsc_deadline_timer x2apic hypervisor cmp_legacy cr8_legacy topoext"
          + " misalignsse 3dnowprefetch osvw fxsr_opt mmxext"
          + " spec_ctrl intel_stibp spec_ctrl_ssbd md_clear ibpb ibrs stibp amd_ssbd virt_ssbd"
          + " lfence_rdtsc"
          + " kvmclock kvm_nopiodelay kvm_mmu kvmclock2 kvm_asyncpf kvm_steal_time kvm_pv_eoi"
          + " kvm_pv_unhalt kvm_pv_tlb_flush kvm_asyncpf_vmexit kvm_pv_ipi kvm_poll_control"
          + " kvm_pv_sched_yield kvm_asyncpf_int kvm_msi_ext_dest_id kvm_hc_map_gpa_range"
          + " kvmclock_stable_bit"),
  V3(
      "x86-64-v3",
      "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave",
      "aes pclmulqdq rdrand fsgsbase smep pdpe1gb"),
  V4(
      "x86-64-v4",
      "avx512f avx512bw avx512cd avx512dq avx512vl",
      "pcid invpcid erms adx rdseed smap clflushopt clwb xsavec xgetbv1 xsaves");

  private static final String V1 =
      "fpu tsc msr pae mce cx8 apic sep pge cmov pat mmx fxsr sse sse2 syscall nx lm";

  /** Servers have had as many since 2012: 64 TiB. */
  private static final int ADDRESS_BITS = 46;

  private static final int MAX_LEAF = 0xd;
  private static final int MAX_EXTENDED_LEAF = 0x8000001e;

  private final String label;
  private final String required;
  private final String optional;

  CpuLevel(String label, String required, String optional) {
    this.label = label;
    this.required = required;
    this.optional = optional;
  }

  /** Returns its name: {@code x86-64-v2}. */
  public String label() {
    return label;
  }

  /** Returns the level with a name; empty if there is none. */
  public static Optional<CpuLevel> find(String label) {
    return Arrays.stream(values()).filter(level -> level.label.equals(label)).findFirst();
  }

  /** Returns the model. */
  public CpuModel model() {
    List<String> must = new ArrayList<>(List.of(V1));
    List<String> all = new ArrayList<>(List.of(V1));
    for (CpuLevel level : values()) {
      if (level.compareTo(this) <= 0) {
        must.add(level.required);
        all.add(level.required);
        all.add(level.optional);
      }
    }
    Set<CpuFeature> required = CpuBaseline.union(must);
    CpuBaseline baseline =
        new CpuBaseline(
            Optional.empty(),
            CpuBaseline.union(all),
            required,
            ADDRESS_BITS,
            MAX_LEAF,
            MAX_EXTENDED_LEAF,
            Map.of(),
            Set.of());
    return new CpuModel(label, Optional.of(baseline), List.of(), List.of());
  }
}
