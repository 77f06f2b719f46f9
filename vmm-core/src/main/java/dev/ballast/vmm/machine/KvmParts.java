package dev.ballast.vmm.machine;

import dev.ballast.vmm.irq.KvmInterruptControllers;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import dev.ballast.vmm.vcpu.VcpuState;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The vCPUs and interrupt controllers, which KVM emulates, and their state at power-on. */
final class KvmParts {
  private final List<Snapshottable> parts;
  private final List<byte[]> powerOnStates = new ArrayList<>();

  /**
   * @param vcpus that never ran
   */
  KvmParts(List<VcpuState> vcpus, KvmInterruptControllers controllers) throws IOException {
    List<Snapshottable> all = new ArrayList<>(vcpus);
    all.add(controllers);
    this.parts = List.copyOf(all);
    for (Snapshottable part : parts) {
      StateWriter writer = new StateWriter();
      part.saveState(writer);
      powerOnStates.add(writer.toByteArray());
    }
  }

  /** Returns the sections of their state, in load order. */
  List<Snapshottable> sections() {
    return parts;
  }

  /** Returns them to power-on. Call while vCPUs are parked. */
  void reset() throws IOException {
    for (int i = 0; i < parts.size(); i++) {
      Snapshottable part = parts.get(i);
      part.loadState(new StateReader(part.stateName(), powerOnStates.get(i)), part.stateVersion());
    }
  }
}
