package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class KvmRegistersTest {
  @Test
  void everyGeneralRegisterIsItsOwn() {
    KvmRegs regs = new KvmRegs();
    regs.rax(1).rbx(2).rcx(3).rdx(4).rsi(5).rdi(6).rsp(7).rbp(8).r8(9).r9(10).r10(11).r11(12);
    regs.r12(13).r13(14).r14(15).r15(16).rip(0xffffffff81000000L).rflags(0x202);

    KvmRegs copy = KvmRegs.of(regs.toBytes());
    assertThat(copy.toString())
        .isEqualTo(
            """
            rip ffffffff81000000  rsp 0000000000000007  rflags 00000202
            rax 0000000000000001  rbx 0000000000000002  rcx 0000000000000003
            rdx 0000000000000004  rsi 0000000000000005  rdi 0000000000000006
            rbp 0000000000000008  r8  0000000000000009  r9  000000000000000a
            r10 000000000000000b  r11 000000000000000c  r12 000000000000000d
            r13 000000000000000e  r14 000000000000000f  r15 0000000000000010\
            """);
  }

  @Test
  void segmentsAndTablesAreViews() {
    KvmSregs sregs = new KvmSregs();
    sregs.cs().base(0x1000).limit(-1).selector(0xfff8).type(0xb).present(1).dpl(3).db(0).s(1);
    sregs.cs().l(1).g(1).avl(1).unusable(0);
    sregs.ss().selector(0x18);
    sregs.gdt().base(0x5000).limit(0xffff);
    sregs.cr0(1).cr2(2).cr3(3).cr4(4).cr8(8).efer(0xd01).apicBase(0xfee00900L);

    KvmSregs copy = KvmSregs.of(sregs.toBytes());
    assertThat(copy.cs().toString())
        .isEqualTo("fff8 base 0000000000001000 limit ffffffff type b s 1 dpl 3 p 1 l 1 db 0 g 1");
    assertThat(copy.cs().avl()).isEqualTo(1);
    assertThat(copy.ss().selector()).isEqualTo(0x18);
    assertThat(copy.ds().selector()).isZero();
    assertThat(copy.gdt().limit()).isEqualTo(0xffff);
    assertThat(copy.gdt().base()).isEqualTo(0x5000);
    assertThat(copy.idt().base()).isZero();
    assertThat(copy.toString())
        .startsWith("cr0 0000000000000001  cr2 0000000000000002  cr3 0000000000000003")
        .contains("efer 00000d01  apic fee00900")
        .endsWith("idt base 0000000000000000 limit 0000");
  }

  @Test
  void stateOfAnotherSizeIsRefused() {
    assertThatThrownBy(() -> KvmRegs.of(new byte[KvmRegs.SIZE - 1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("state of 143 bytes, expected 144");
    assertThatThrownBy(() -> KvmSregs.of(new byte[KvmSregs.SIZE + 1]))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
