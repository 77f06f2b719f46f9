package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Runs a few instructions of real mode on the host's KVM. */
@Tag("kvm")
class KvmRunTest {
  @Test
  void guestWritesToAPortAndHalts() throws Exception {
    // mov al, 'K'; mov dx, 0x3f8; out dx, al; hlt
    byte[] code = {(byte) 0xb0, 'K', (byte) 0xba, (byte) 0xf8, 0x03, (byte) 0xee, (byte) 0xf4};
    try (RealModeGuest guest = RealModeGuest.with(code)) {
      KvmRun page = guest.vcpu().runPage();

      assertThat(guest.vcpu().run()).isZero();
      assertThat(KvmExit.name(page.exitReason())).isEqualTo("IO");
      assertThat(page.ioDirection()).isEqualTo(KvmRun.IO_OUT);
      assertThat(page.ioPort()).isEqualTo(0x3f8);
      assertThat(page.ioSize()).isEqualTo(1);
      assertThat(page.ioCount()).isEqualTo(1);
      assertThat(page.ioData(0)).isEqualTo('K');

      assertThat(guest.vcpu().run()).isZero();
      assertThat(KvmExit.name(page.exitReason())).isEqualTo("HLT");
    }
  }
}
