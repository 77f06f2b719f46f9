package dev.ballast.vmm.cpuid;

import java.util.List;

/** What a guest is not offered although KVM could, because the guest could not always move then. */
public enum LeftOut {
  NESTED("vmx svm", false, "the state of a guest's own guests is not saved"),
  AMX(
      "amx_tile amx_int8 amx_bf16 amx_fp16 amx_complex",
      false,
      "its state is not asked for from the kernel"),
  SGX("sgx sgx_lc", false, "guests have no enclave memory, and it could not move"),
  SEV("sme sev vm_page_flush sev_es sev_snp vmpl", false, "guest memory is not encrypted"),
  CET("shstk ibt", false, "the shadow-stack pointer is not saved"),
  INVARIANT_TSC("invtsc", true, "with it, a guest moves only to hosts whose TSC is as fast"),
  PMU(
      "pmu pdcm dts dtes64 ds_cpl perfctr_core perfctr_nb perfctr_llc perfmon_v2 lbr_v2 lbr_pmc_freeze"
          + " arch_perfmon_ext arch_lbr",
      true,
      "performance counters differ from one processor to the next"),
  PROCESSOR_TRACE("intel_pt", true, "few hosts have it for guests"),
  WAITPKG("waitpkg", true, "few hosts have it, and guests wait without it as well");

  private final String names;
  private final boolean addable;
  private final String reason;

  LeftOut(String names, boolean addable, String reason) {
    this.names = names;
    this.addable = addable;
    this.reason = reason;
  }

  /** Returns the features. */
  public List<CpuFeature> features() {
    return CpuFeatures.list(names);
  }

  /** Returns whether a user may have it offered all the same. */
  public boolean isAddable() {
    return addable;
  }

  /** Returns why it is left out. */
  public String reason() {
    return reason;
  }
}
