package dev.ballast.vmm.machine;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.vmm.cpuid.CpuFeatures;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.irq.GsiRouter;
import java.io.IOException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many vCPUs a machine may have, and what changes with their number: up to 255 it has a PC's
 * interrupt controllers and timer, all of which KVM emulates; with more, KVM emulates the local
 * APICs alone, whose ids then have 32 bits.
 */
final class VcpuLimits {
  private static final Logger log = LoggerFactory.getLogger(VcpuLimits.class);

  private static final List<Capability> NEEDED_FOR_LONG_APIC_IDS =
      List.of(Capability.SPLIT_IRQCHIP, Capability.X2APIC_API, Capability.SIGNAL_MSI);

  /** Messages may have destinations of 15 bits (KVM_FEATURE_MSI_EXT_DEST_ID). */
  private static final String MSI_EXT_DEST_ID = "kvm_msi_ext_dest_id";

  private VcpuLimits() {}

  /** Returns whether there are more vCPUs than ids of 8 bits. */
  static boolean needsLongApicIds(MachineConfig config) {
    return config.vcpus() > GsiRouter.MAX_SHORT_IDS;
  }

  /**
   * Checks how many vCPUs there are to be, before anything is made (KVM API §4.4).
   *
   * @throws IOException if KVM does not take so many
   */
  static void check(MachineConfig config, Kvm kvm) throws IOException {
    int wanted = config.vcpus();
    int recommended = kvm.checkExtension(Capability.NR_VCPUS);
    int most = Math.max(recommended, kvm.checkExtension(Capability.MAX_VCPUS));
    if (wanted > most) {
      throw new IOException(
          "%d vCPUs are too many: this host's KVM takes %d (KVM_CAP_MAX_VCPUS), and recommends %d at most (KVM_CAP_NR_VCPUS)"
              .formatted(wanted, most, recommended));
    }
    for (Capability needed : NEEDED_FOR_LONG_APIC_IDS) {
      if (needsLongApicIds(config) && kvm.checkExtension(needed) == 0) {
        throw new IOException(
            "%d vCPUs: without %s, this host's KVM takes %d"
                .formatted(wanted, needed, GsiRouter.MAX_SHORT_IDS));
      }
    }
    if (wanted > recommended) {
      log.warn(
          "{} vCPUs are more than this host's KVM recommends: {}; it takes {}",
          wanted,
          recommended,
          most);
    }
  }

  /**
   * Adds what a machine of so many vCPUs offers beside what KVM says: with long ids, that messages
   * reach all of them, which the I/O APIC and the router make true.
   */
  static CpuProfile offered(CpuProfile cpu, MachineConfig config) {
    return needsLongApicIds(config)
        ? cpu.with(CpuFeatures.find(MSI_EXT_DEST_ID).orElseThrow())
        : cpu;
  }
}
