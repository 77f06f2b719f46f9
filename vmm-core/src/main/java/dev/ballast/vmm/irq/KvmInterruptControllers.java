package dev.ballast.vmm.irq;

import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.kvm.VmStateKind;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The state of both PICs, the I/O APIC and the PIT, which KVM emulates. */
public final class KvmInterruptControllers implements Snapshottable {
  private static final List<VmStateKind> KINDS =
      List.of(VmStateKind.PIC_MASTER, VmStateKind.PIC_SLAVE, VmStateKind.IOAPIC, VmStateKind.PIT2);

  private final KvmVm vm;

  /**
   * @param vm the VM, with irqchip and PIT made
   */
  public KvmInterruptControllers(KvmVm vm) {
    this.vm = vm;
  }

  @Override
  public String stateName() {
    return "kvm-irqchip";
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) throws IOException {
    for (VmStateKind kind : KINDS) {
      writer.bytes(vm.get(kind));
    }
  }

  @Override
  public void loadState(StateReader reader, int version) throws IOException {
    List<byte[]> blobs = new ArrayList<>();
    for (VmStateKind kind : KINDS) {
      blobs.add(reader.exactBytes(vm.get(kind).length));
    }
    for (int i = 0; i < KINDS.size(); i++) {
      vm.set(KINDS.get(i), blobs.get(i));
    }
  }
}
