package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.MsrTable;
import dev.ballast.ffi.kvm.VcpuStateKind;
import dev.ballast.ffi.linux.ErrnoException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What this host's KVM can offer to a guest. */
public final class HostCpu {
  private static final CpuFeature TSC_DEADLINE = CpuFeatures.get("tsc_deadline_timer");
  private static final CpuFeature HYPERVISOR = CpuFeatures.get("hypervisor");

  private HostCpu() {}

  /**
   * Returns all that KVM supports (KVM_GET_SUPPORTED_CPUID, KVM_GET_MSR_INDEX_LIST,
   * KVM_GET_MSR_FEATURE_INDEX_LIST), with what its local APIC has and its CPUID does not list: the
   * TSC-deadline timer and the hypervisor bit. Takes milliseconds. Any thread.
   *
   * @throws ErrnoException if KVM refuses
   */
  public static CpuProfile read(Kvm kvm) throws ErrnoException {
    CpuidEditor cpuid = new CpuidEditor(kvm.supportedCpuid());
    cpuid.add(HYPERVISOR);
    if (kvm.checkExtension(Capability.TSC_DEADLINE_TIMER) != 0) {
      cpuid.add(TSC_DEADLINE);
    }
    Map<Integer, Long> featureMsrs = new LinkedHashMap<>();
    if (kvm.checkExtension(Capability.GET_MSR_FEATURES) != 0) {
      MsrTable values = kvm.featureMsrs();
      for (int i = 0; i < values.size(); i++) {
        featureMsrs.put(values.index(i), values.value(i));
      }
    }
    List<Integer> msrs = new ArrayList<>();
    for (int msr : kvm.msrIndexList()) {
      msrs.add(msr);
    }
    return new CpuProfile(cpuid.table(), msrs, featureMsrs, Map.of());
  }

  /** Returns how many bytes each kind of a vCPU's state has. */
  public static Map<String, Integer> stateSizes(KvmVcpu vcpu) {
    Map<String, Integer> sizes = new LinkedHashMap<>();
    for (VcpuStateKind kind : VcpuStateKind.values()) {
      sizes.put(kind.name(), vcpu.size(kind));
    }
    return sizes;
  }
}
