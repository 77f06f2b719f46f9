package dev.ballast.tools.host;

import dev.ballast.vmm.cpuid.CpuProfile;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What this host can run, and what to do about the rest.
 *
 * @param kvm what its KVM is
 * @param mode where Linux guests run on it
 * @param cpu what its KVM can offer to guests; empty if it cannot be used
 * @param findings the result of each check, the most important first
 */
public record HostReport(
    KvmProbe kvm, Mode mode, Optional<CpuProfile> cpu, List<Finding> findings) {
  /** Where Linux guests run. */
  public enum Mode {
    /** On the host's own KVM. */
    DIRECT,
    /** In the lab. */
    LAB,
    /** Nowhere, before what is missing has been installed. */
    NOWHERE;

    /** Returns the name in reports: {@code direct}, {@code lab} or {@code nowhere}. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Examines the host. Any thread; takes up to a second. */
  public static HostReport examine() {
    KvmProbe kvm = KvmProbe.run();
    Mode mode = mode(kvm, LabPackages.missing());
    List<Finding> findings = new ArrayList<>();
    findings.addAll(KvmChecks.all(kvm));
    Optional<CpuProfile> cpu = CpuChecks.read();
    cpu.ifPresent(profile -> findings.addAll(CpuChecks.all(profile)));
    findings.addAll(ToolChecks.all(mode));
    findings.addAll(SystemChecks.all());
    return new HostReport(kvm, mode, cpu, List.copyOf(findings));
  }

  static Mode mode(KvmProbe kvm, List<String> missingForLab) {
    if (kvm.kind() == HostKvm.HARDWARE && kvm.missingCapabilities().isEmpty()) {
      return Mode.DIRECT;
    }
    return missingForLab.isEmpty() ? Mode.LAB : Mode.NOWHERE;
  }
}
