package dev.ballast.vmm.machine;

import dev.ballast.vmm.irq.KvmInterruptControllers;
import dev.ballast.vmm.state.SectionState;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateSections;
import dev.ballast.vmm.state.StateWriter;
import dev.ballast.vmm.thread.Batch;
import dev.ballast.vmm.vcpu.GuestTsc;
import dev.ballast.vmm.vcpu.VcpuState;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The vCPUs and interrupt controllers, which KVM emulates, and their state at power-on. */
final class KvmParts {
  private final List<VcpuState> vcpus;
  private final List<Snapshottable> parts;
  private final List<Snapshottable> powerOnParts;
  private final List<SectionState> powerOnStates;

  /**
   * @param vcpus that never ran
   * @param msrs those that any guest here can reach
   * @param controllers those beside the local APICs, if KVM emulates them
   */
  KvmParts(List<VcpuState> vcpus, int[] msrs, Optional<KvmInterruptControllers> controllers)
      throws IOException {
    this.vcpus = List.copyOf(vcpus);
    this.parts = with(vcpus, controllers);
    this.powerOnParts =
        with(vcpus.stream().map(vcpu -> vcpu.atPowerOn(msrs)).toList(), controllers);
    this.powerOnStates = StateSections.save(powerOnParts);
  }

  private static List<Snapshottable> with(
      List<VcpuState> vcpus, Optional<KvmInterruptControllers> controllers) {
    List<Snapshottable> all = new ArrayList<>(vcpus);
    controllers.ifPresent(all::add);
    return List.copyOf(all);
  }

  /** Returns the sections of their state, in load order. */
  List<Snapshottable> sections() {
    return parts;
  }

  /** Returns them to power-on. Call while vCPUs are parked. */
  void reset() throws IOException {
    StateSections.load(powerOnParts, powerOnStates);
  }

  /**
   * Saves the state of the vCPUs and forgets it. They may run: each leaves its guest for that.
   *
   * @param tsc their TSCs
   */
  void rehearseSaving(GuestTsc tsc) throws IOException {
    Batch.run(
        vcpus.stream().flatMap(vcpu -> vcpu.executor().stream()).toList(),
        index -> {
          StateWriter writer = new StateWriter(vcpus.get(index).sizeHint());
          vcpus.get(index).saveState(writer);
          writer.toByteArray();
          tsc.rehearseStop(index);
        });
  }
}
