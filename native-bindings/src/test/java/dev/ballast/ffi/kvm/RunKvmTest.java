package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.Allocation;
import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.EventFd;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Runs a few instructions of real mode on the host's KVM. */
@Tag("kvm")
class RunKvmTest {
  private static final byte HLT = (byte) 0xf4;
  private static final byte OUT_DX_AL = (byte) 0xee;
  private static final byte IN_AX_DX = (byte) 0xed;

  /** {@code mov dx, 0x510}. */
  private static final byte[] PORT = {(byte) 0xba, 0x10, 0x05};

  @Test
  void guestWritesToAPortAndHalts() throws Exception {
    // mov al, 'K'; mov dx, 0x510; out dx, al; hlt
    try (RealModeGuest guest =
        RealModeGuest.with((byte) 0xb0, (byte) 'K', PORT[0], PORT[1], PORT[2], OUT_DX_AL, HLT)) {
      KvmRun page = guest.vcpu().runPage();

      assertThat(guest.vcpu().run()).isZero();
      assertThat(KvmExit.name(page.exitReason())).isEqualTo("IO");
      assertThat(page.ioDirection()).isEqualTo(KvmRun.IO_OUT);
      assertThat(page.ioPort()).isEqualTo(0x510);
      assertThat(page.ioSize()).isEqualTo(1);
      assertThat(page.ioCount()).isEqualTo(1);
      assertThat(page.ioData(0)).isEqualTo('K');

      assertThat(guest.vcpu().run()).isZero();
      assertThat(KvmExit.name(page.exitReason())).isEqualTo("HLT");
    }
  }

  @Test
  void guestReadsFromAPort() throws Exception {
    // mov dx, 0x510; in ax, dx; hlt
    try (RealModeGuest guest = RealModeGuest.with(PORT[0], PORT[1], PORT[2], IN_AX_DX, HLT)) {
      KvmRun page = guest.vcpu().runPage();
      assertThat(guest.vcpu().run()).isZero();
      assertThat(page.ioDirection()).isEqualTo(KvmRun.IO_IN);
      assertThat(page.ioSize()).isEqualTo(2);
      page.ioData(0, 0xdeadbeef);
      assertThat(guest.vcpu().run()).isZero();
      assertThat(guest.vcpu().regs().rax() & 0xffff).isEqualTo(0xbeef);
    }
  }

  @Test
  void guestWritesAndReadsWhereThereIsNoMemory() throws Exception {
    // mov ax, 0xffff; mov ds, ax; mov word [0x10], 0x1234; mov al, [0x12]; hlt
    try (RealModeGuest guest =
        RealModeGuest.with(
            new byte[] {
              (byte) 0xb8,
              -1,
              -1,
              (byte) 0x8e,
              (byte) 0xd8,
              (byte) 0xc7,
              0x06,
              0x10,
              0x00,
              0x34,
              0x12,
              (byte) 0xa0,
              0x12,
              0x00,
              HLT
            })) {
      KvmRun page = guest.vcpu().runPage();
      assertThat(guest.vcpu().run()).isZero();
      assertThat(KvmExit.name(page.exitReason())).isEqualTo("MMIO");
      assertThat(page.mmioIsWrite()).isTrue();
      assertThat(page.mmioAddress()).isEqualTo(0x100000);
      assertThat(page.mmioLength()).isEqualTo(2);
      assertThat(page.mmioData()).isEqualTo(0x1234);

      assertThat(guest.vcpu().run()).isZero();
      assertThat(page.mmioIsWrite()).isFalse();
      assertThat(page.mmioAddress()).isEqualTo(0x100002);
      assertThat(page.mmioLength()).isEqualTo(1);
      page.mmioData(0xabcd);
      assertThat(guest.vcpu().run()).isZero();
      assertThat(guest.vcpu().regs().rax() & 0xff).isEqualTo(0xcd);
    }
  }

  @Test
  void immediateExitCompletesThePendingAccess() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(PORT[0], PORT[1], PORT[2], IN_AX_DX, HLT)) {
      KvmRun page = guest.vcpu().runPage();
      assertThat(guest.vcpu().run()).isZero();
      page.ioData(0, 0x77);
      page.immediateExit((byte) 1);
      assertThat(guest.vcpu().run()).isEqualTo(-Errno.EINTR);
      assertThat(guest.vcpu().regs().rip()).isEqualTo(RealModeGuest.ENTRY + 4);
      assertThat(guest.vcpu().regs().rax() & 0xffff).isEqualTo(0x77);
      page.immediateExit((byte) 0);
      assertThat(guest.vcpu().run()).isZero();
      assertThat(KvmExit.name(page.exitReason())).isEqualTo("HLT");
    }
  }

  @Test
  void ioeventfdTakesAWriteWithoutAnExit() throws Exception {
    // mov al, 1; mov dx, 0x510; out dx, al; mov al, 2; out dx, al; hlt
    try (RealModeGuest guest =
            RealModeGuest.with(
                new byte[] {
                  (byte) 0xb0,
                  1,
                  PORT[0],
                  PORT[1],
                  PORT[2],
                  OUT_DX_AL,
                  (byte) 0xb0,
                  2,
                  OUT_DX_AL,
                  HLT
                });
        EventFd event = EventFd.create(true)) {
      int flags = KvmVm.IOEVENTFD_PIO | KvmVm.IOEVENTFD_DATAMATCH;
      guest.vm().ioeventfd(event, 0x510, 1, flags, 1, true);
      KvmRun page = guest.vcpu().runPage();
      assertThat(guest.vcpu().run()).isZero();
      assertThat(KvmExit.name(page.exitReason())).isEqualTo("IO");
      assertThat(page.ioData(0)).isEqualTo(2);
      assertThat(event.tryRead()).isEqualTo(1);
      guest.vm().ioeventfd(event, 0x510, 1, flags, 1, false);
    }
  }

  @Test
  void stringInstructionsCarrySeveralAccesses() throws Exception {
    // mov si, 0x2000; mov cx, 3; mov dx, 0x510; rep outsb; hlt
    try (RealModeGuest guest =
        RealModeGuest.with(
            new byte[] {
              (byte) 0xbe,
              0x00,
              0x20,
              (byte) 0xb9,
              3,
              0,
              PORT[0],
              PORT[1],
              PORT[2],
              (byte) 0xf3,
              0x6e,
              HLT
            })) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 3; i++) {
        guest.memory().segment().set(JAVA_BYTE, 0x2000 + i, (byte) ('a' + i));
      }
      KvmRun page = guest.vcpu().runPage();
      while (guest.vcpu().run() == 0 && page.exitReason() == KvmExit.IO) {
        for (int i = 0; i < page.ioCount(); i++) {
          text.append((char) page.ioData(i));
        }
      }
      assertThat(text.toString()).isEqualTo("abc");
    }
  }

  @Test
  void runningAllocatesNothing() throws Exception {
    // mov dx, 0x510; again: out dx, al; jmp again
    try (RealModeGuest guest =
        RealModeGuest.with(PORT[0], PORT[1], PORT[2], OUT_DX_AL, (byte) 0xeb, (byte) -3)) {
      KvmVcpu vcpu = guest.vcpu();
      KvmRun page = vcpu.runPage();
      Allocation.assertNone(
          1000,
          () -> {
            if (vcpu.run() != 0
                || page.exitReason() != KvmExit.IO
                || page.ioPort() != 0x510
                || page.ioSize() != 1
                || page.ioCount() != 1
                || page.ioDirection() != KvmRun.IO_OUT
                || page.ioData(0) != 0) {
              throw new AssertionError(KvmExit.name(page.exitReason()));
            }
          });
    }
  }
}
