package dev.ballast.vmm.machine;

import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.kvm.VmStateKind;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;

/**
 * The guest's paravirtual clock (KVM API §4.29): it stands still while the machine is stopped, and
 * goes on from there, here or elsewhere, so that the guest never sees it jump.
 */
final class GuestClock implements Snapshottable {
  private final KvmVm vm;
  private byte[] stopped;

  GuestClock(KvmVm vm) throws IOException {
    this.vm = vm;
    this.stopped = vm.get(VmStateKind.CLOCK);
  }

  /** vCPUs are parked. */
  void stop() throws IOException {
    stopped = vm.get(VmStateKind.CLOCK);
  }

  /** vCPUs are about to run. */
  void start() throws IOException {
    vm.set(VmStateKind.CLOCK, stopped);
  }

  @Override
  public String stateName() {
    return "kvm-clock";
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    writer.bytes(stopped);
  }

  @Override
  public void loadState(StateReader reader, int version) throws IOException {
    stopped = reader.exactBytes(stopped.length);
  }
}
