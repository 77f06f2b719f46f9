package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.VcpuStateKind;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.vmm.machine.RunState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Looking at a guest's vCPUs, and interrupting them, while it runs. */
@Tag("kvm")
@Timeout(180)
class VcpuInspectionKvmTest {
  /** Offsets in {@code struct kvm_lapic_state} (Intel SDM 3A, table 11-1). */
  private static final int APIC_SPURIOUS = 0xf0;

  private static final int APIC_LVT_LINT1 = 0x360;
  private static final int APIC_ENABLED = 0x1ff;
  private static final int DELIVER_NMI = 4 << 8;
  private static final int MASKED = 1 << 16;

  /** Offset of {@code nmi.pending} in {@code struct kvm_vcpu_events}. */
  private static final int NMI_PENDING = 13;

  @TempDir Path directory;

  @Test
  void aRunningGuestIsLookedAtAndGoesOn() throws Exception {
    try (BareGuests guests = new BareGuests(directory)) {
      KvmVirtualMachine vm = guests.source("a", "");
      vm.cont();
      BareGuestConsole console = guests.console(vm);
      console.awaitReady(BareGuests.TIMEOUT);
      for (int i = 0; i < 20; i++) {
        VirtualMachine.VcpuSnapshot snapshot = vm.vcpuSnapshots().getFirst();
        assertThat(snapshot.vcpu()).isEqualTo(vm.vcpus().getFirst());
        assertThat(snapshot.regs().rip()).isBetween(1L << 20, BareGuests.MEMORY);
        assertThat(snapshot.sregs().cs().l()).as("64-bit code").isEqualTo(1);
        assertThat(vm.runState()).isEqualTo(RunState.RUNNING);
        console.ask("count", BareGuests.TIMEOUT);
      }
      vm.stop();
      long stopped = vm.vcpuSnapshots().getFirst().regs().rip();
      assertThat(vm.vcpuSnapshots().getFirst().regs().rip()).isEqualTo(stopped);
      assertThat(vm.runState()).isEqualTo(RunState.PAUSED);
    }
  }

  private static void setLint1(KvmVirtualMachine vm, int entry) throws Exception {
    vm.machine()
        .whileParked(
            threads -> {
              KvmVcpu vcpu = threads.getFirst().vcpu();
              byte[] apic = vcpu.get(VcpuStateKind.LAPIC);
              ByteBuffer registers = ByteBuffer.wrap(apic).order(ByteOrder.nativeOrder());
              registers.putInt(APIC_SPURIOUS, APIC_ENABLED).putInt(APIC_LVT_LINT1, entry);
              vcpu.set(VcpuStateKind.LAPIC, apic);
              return apic;
            });
  }

  private static boolean isNmiPending(KvmVirtualMachine vm) throws Exception {
    return vm.machine()
        .whileParked(
            threads -> threads.getFirst().vcpu().get(VcpuStateKind.VCPU_EVENTS)[NMI_PENDING] != 0);
  }

  @Test
  void anNmiGoesWhereTheGuestWantsIt() throws Exception {
    try (BareGuests guests = new BareGuests(directory)) {
      KvmVirtualMachine vm = guests.source("a", "");
      assertThatThrownBy(vm::injectNmi)
          .isInstanceOf(VmException.class)
          .hasMessageContaining("has set up LINT1 of no local APIC");
      setLint1(vm, DELIVER_NMI | MASKED);
      assertThatThrownBy(vm::injectNmi).isInstanceOf(VmException.class);
      setLint1(vm, 0x20);
      assertThatThrownBy(vm::injectNmi).isInstanceOf(VmException.class);
      assertThat(isNmiPending(vm)).isFalse();

      setLint1(vm, DELIVER_NMI);
      vm.injectNmi();
      assertThat(isNmiPending(vm)).isTrue();
    }
  }

  @Test
  void aGuestThatIsNotHereTakesNoNmi() throws Exception {
    try (BareGuests guests = new BareGuests(directory)) {
      KvmVirtualMachine vm = guests.destination("b");
      assertThatThrownBy(vm::injectNmi)
          .isInstanceOf(VmException.class)
          .hasMessageContaining("there is no guest here that could take an NMI");
    }
  }
}
