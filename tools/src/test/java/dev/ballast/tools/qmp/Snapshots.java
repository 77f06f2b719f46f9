package dev.ballast.tools.qmp;

import dev.ballast.ffi.kvm.KvmRegs;
import dev.ballast.ffi.kvm.KvmSregs;
import dev.ballast.tools.vm.VirtualMachine.Vcpu;
import dev.ballast.tools.vm.VirtualMachine.VcpuSnapshot;
import java.util.List;

/** vCPUs with registers that are all different. */
final class Snapshots {
  private Snapshots() {}

  /** One in a kernel of 64 bits, and one that has not left real mode and halts. */
  static List<VcpuSnapshot> two() {
    KvmRegs kernel =
        new KvmRegs()
            .rax(0x1111_2222_3333_4444L)
            .rbx(2)
            .rcx(3)
            .rdx(4)
            .rsi(5)
            .rdi(6)
            .rbp(7)
            .rsp(8)
            .r8(9)
            .r9(10)
            .r10(11)
            .r11(12)
            .r12(13)
            .r13(14)
            .r14(15)
            .r15(16)
            .rip(0xffff_ffff_8100_0000L)
            .rflags(0x246);
    KvmSregs system = new KvmSregs().cr0(0x80050033L).cr2(17).cr3(18).cr4(0x6b0).efer(0xd01);
    system.cs().selector(0x10).limit(-1).type(0xb).s(1).present(1).l(1).g(1);
    system.ds().selector(0x18).limit(-1).type(3).s(1).present(1).db(1).g(1).dpl(3);
    system.tr().selector(0x40).base(0xfffffe0000003000L).limit(0x206f).type(0xb).present(1);
    system.gdt().base(0xfffffe0000001000L).limit(0x7f);
    KvmSregs real = new KvmSregs().cr0(0x60000010);
    real.cs().selector(0xf000).base(0xf0000).limit(0xffff).type(0xb).s(1).present(1);
    return List.of(
        new VcpuSnapshot(new Vcpu(0, 100), false, kernel, system),
        new VcpuSnapshot(new Vcpu(1, 101), true, new KvmRegs().rip(0xfff0).rflags(0xc02), real));
  }
}
