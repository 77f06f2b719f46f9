package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.MsrTable;
import dev.ballast.vmm.cpuid.CpuComparison;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.cpuid.GuestCpuid;
import dev.ballast.vmm.cpuid.HostCpu;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The processor that a machine's guest sees: what this machine offers, until a guest arrives that
 * has seen another one. Call what changes it before vCPUs run, or with them parked; getters on any
 * thread.
 */
public final class GuestCpu {
  private final CpuProfile own;

  /** What is offered here, with all the MSRs that this host's KVM can load. */
  private final CpuProfile limit;

  private final VcpuSet vcpus;

  /** What earlier versions offer a guest, which say no more of it than words of features. */
  private final CpuProfile older;

  /** The feature MSRs that the vCPUs have been given; empty while that is not known. */
  private Map<Integer, Long> applied;

  private volatile CpuProfile current;
  private volatile int[] msrIndices;

  /**
   * Gives vCPUs their CPUID and their feature MSRs.
   *
   * @param host what this host's KVM can offer
   * @param offered what the guest is offered of that
   * @param older what a guest is taken to have been offered that arrives from an earlier version
   * @param vcpus all of them; none has run
   * @throws IOException if KVM refuses
   */
  public GuestCpu(CpuProfile host, CpuProfile offered, CpuProfile older, VcpuSet vcpus)
      throws IOException {
    this.vcpus = vcpus;
    KvmVcpu first = vcpus.vcpus().getFirst().vcpu();
    Map<String, Integer> sizes = HostCpu.stateSizes(first);
    // KVM decides by CPUID which MSRs a vCPU has.
    first.setCpuid(GuestCpuid.forVcpu(older.cpuid(), 0, vcpus.vcpus().size()));
    List<Integer> all = SavedMsrs.of(first, host.msrs());
    setCpuid(offered);
    this.own =
        new CpuProfile(
            offered.cpuid(), SavedMsrs.of(first, offered.msrs()), offered.featureMsrs(), sizes);
    this.limit = new CpuProfile(own.cpuid(), all, own.featureMsrs(), sizes);
    this.older = new CpuProfile(older.cpuid(), all, older.featureMsrs(), sizes);
    this.current = own;
    this.msrIndices = indices(own.msrs());
    this.applied = host.featureMsrs();
    setFeatureMsrs(own.featureMsrs());
  }

  /** Returns what this machine offers to a guest that boots here. */
  public CpuProfile own() {
    return own;
  }

  /** Returns what the guest has been offered. */
  public CpuProfile current() {
    return current;
  }

  /** Returns the indices of the MSRs that are part of the guest's state. */
  public int[] msrIndices() {
    return msrIndices;
  }

  /** Returns the indices of the MSRs that are part of the state of any guest that can be here. */
  public int[] allMsrIndices() {
    return indices(limit.msrs());
  }

  private static int[] indices(List<Integer> msrs) {
    int[] indices = new int[msrs.size()];
    for (int i = 0; i < indices.length; i++) {
      indices[i] = msrs.get(i);
    }
    return indices;
  }

  /** Returns what is compared with the words of features that an earlier version sends. */
  public CpuProfile older() {
    return older;
  }

  /**
   * Offers the guest what it was offered at the source. If this fails, it may be called again, for
   * another guest.
   *
   * @param source what that was; empty if it is not known, because the source is of an earlier
   *     version: then it is what those offer
   * @throws IOException if this machine offers less; the message has the feature and both values
   */
  public void adopt(Optional<CpuProfile> source) throws IOException {
    if (source.isPresent()) {
      Optional<String> refusal = CpuComparison.refusal(source.get(), limit);
      if (refusal.isPresent()) {
        throw new IOException(refusal.get());
      }
    }
    CpuProfile wanted = source.orElse(older);
    setCpuid(wanted);
    setFeatureMsrs(wanted.featureMsrs());
    current = wanted;
    msrIndices = indices(wanted.msrs());
  }

  /** Gives the vCPUs, which are at this machine's power-on state, the guest's feature MSRs back. */
  public void reset() throws IOException {
    applied = own.featureMsrs();
    setFeatureMsrs(current.featureMsrs());
  }

  private void setCpuid(CpuProfile profile) throws IOException {
    int count = vcpus.vcpus().size();
    vcpus.forEach(vcpu -> vcpu.setCpuid(GuestCpuid.forVcpu(profile.cpuid(), vcpu.id(), count)));
  }

  private void setFeatureMsrs(Map<Integer, Long> wanted) throws IOException {
    Map<Integer, Long> before = applied;
    // What fails half-way must not be taken for done when the next guest arrives.
    applied = Map.of();
    int[] indices = new int[wanted.size()];
    long[] values = new long[indices.length];
    int changed = 0;
    for (Map.Entry<Integer, Long> msr : wanted.entrySet()) {
      if (!msr.getValue().equals(before.get(msr.getKey()))) {
        indices[changed] = msr.getKey();
        values[changed++] = msr.getValue();
      }
    }
    if (changed > 0) {
      set(new MsrTable(Arrays.copyOf(indices, changed), Arrays.copyOf(values, changed)));
    }
    applied = wanted;
  }

  private void set(MsrTable table) throws IOException {
    vcpus.forEach(
        vcpu -> {
          int[] refused = vcpu.setMsrs(table);
          if (refused.length > 0) {
            throw new IOException(
                "this host's KVM refuses feature MSR 0x%x of vCPU %d"
                    .formatted(refused[0], vcpu.id()));
          }
        });
  }
}
