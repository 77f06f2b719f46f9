package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.EventFd;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Interrupts are seen where they arrive: in the request registers of the in-kernel controllers. */
@Tag("kvm")
class InterruptKvmTest {
  private static final byte[] HALT = {(byte) 0xf4};

  /** Offset of the request register in a {@code struct kvm_pic_state}. */
  private static final int PIC_IRR = 1;

  /** Offset of {@code nmi.pending} in a {@code struct kvm_vcpu_events}. */
  private static final int NMI_PENDING = 13;

  private static final int APIC_SPURIOUS = 0xf0;
  private static final int APIC_IRR = 0x200;
  private static final int APIC_ENABLE = 0x100;
  private static final long MSI_ADDRESS = 0xfee00000L;
  private static final int VECTOR = 0x41;

  @Test
  void lineIsSeenByThePic() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT, 0, true)) {
      KvmVm vm = guest.vm();
      assertThat(picRequests(vm)).isZero();
      vm.interrupts().irqLine(3, 1);
      vm.interrupts().irqLine(3, 0);
      assertThat(picRequests(vm)).isEqualTo(1 << 3);
    }
  }

  @Test
  void irqfdRaisesALine() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT, 0, true);
        EventFd event = EventFd.create(true)) {
      KvmVm vm = guest.vm();
      vm.interrupts().irqfd(event, 5, true);
      event.signal();
      await().until(() -> picRequests(vm) == 1 << 5);
      vm.interrupts().irqfd(event, 5, false);
      event.signal();
      assertThat(event.tryRead()).isEqualTo(1);
    }
  }

  @Test
  void anNmiIsQueued() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT, 0, true)) {
      assertThat(guest.vcpu().get(VcpuStateKind.VCPU_EVENTS)[NMI_PENDING]).isZero();
      guest.vcpu().nmi();
      assertThat(guest.vcpu().get(VcpuStateKind.VCPU_EVENTS)[NMI_PENDING]).isOne();
    }
  }

  @Test
  void msiReachesTheLocalApic() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT, 0, true)) {
      enableApic(guest.vcpu());
      assertThat(guest.vm().interrupts().signalMsi(MSI_ADDRESS, VECTOR)).isTrue();
      assertThat(apicRequests(guest.vcpu())).isEqualTo(1 << (VECTOR % 32));
    }
  }

  @Test
  void routingSendsALineAsAMessage() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT, 0, true)) {
      KvmVm vm = guest.vm();
      enableApic(guest.vcpu());
      vm.interrupts()
          .setGsiRouting(
              List.of(
                  new GsiRoute.Msi(24, MSI_ADDRESS, VECTOR),
                  new GsiRoute.Pin(7, VmStateKind.PIC_MASTER, 6)));
      vm.interrupts().irqLine(7, 1);
      assertThat(picRequests(vm)).isEqualTo(1 << 6);
      vm.interrupts().irqLine(24, 1);
      assertThat(apicRequests(guest.vcpu())).isEqualTo(1 << (VECTOR % 32));
    }
  }

  @Test
  void controllersAreNeededFirst() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT)) {
      assertThatThrownBy(() -> guest.vm().interrupts().irqLine(3, 1))
          .isInstanceOf(ErrnoException.class)
          .hasMessageStartingWith("ioctl(KVM_IRQ_LINE): ENXIO (6)")
          .hasMessageEndingWith("GSI 3 to 1");
    }
  }

  private static void enableApic(KvmVcpu vcpu) throws ErrnoException {
    byte[] lapic = vcpu.get(VcpuStateKind.LAPIC);
    lapic[APIC_SPURIOUS + 1] |= (byte) (APIC_ENABLE >> Byte.SIZE);
    vcpu.set(VcpuStateKind.LAPIC, lapic);
  }

  /** Returns the 32 request bits that {@link #VECTOR} is among. */
  private static int apicRequests(KvmVcpu vcpu) throws ErrnoException {
    byte[] lapic = vcpu.get(VcpuStateKind.LAPIC);
    int register = APIC_IRR + VECTOR / 32 * 0x10;
    return (lapic[register] & 0xff) | (lapic[register + 1] & 0xff) << 8;
  }

  private static int picRequests(KvmVm vm) throws ErrnoException {
    return vm.get(VmStateKind.PIC_MASTER)[PIC_IRR] & 0xff;
  }
}
