package dev.ballast.vmm.machine;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.ffi.kvm.Kvm;
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

  /** The leaf of KVM's own features. */
  private static final int LEAF_KVM_FEATURES = 0x4000_0001;

  /** KVM_FEATURE_MSI_EXT_DEST_ID: messages may have destinations of 15 bits. */
  private static final int MSI_EXT_DEST_ID = 1 << 15;

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
  static CpuidTable offered(CpuidTable cpuid, MachineConfig config) {
    if (!needsLongApicIds(config)) {
      return cpuid;
    }
    return new CpuidTable(
        cpuid.entries().stream()
            .map(e -> e.function() == LEAF_KVM_FEATURES ? withLongMessageIds(e) : e)
            .toList());
  }

  private static CpuidTable.Entry withLongMessageIds(CpuidTable.Entry e) {
    return new CpuidTable.Entry(
        e.function(), e.index(), e.flags(), e.eax() | MSI_EXT_DEST_ID, e.ebx(), e.ecx(), e.edx());
  }
}
