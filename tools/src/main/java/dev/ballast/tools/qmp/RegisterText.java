package dev.ballast.tools.qmp;

import dev.ballast.ffi.kvm.KvmDescriptorTable;
import dev.ballast.ffi.kvm.KvmRegs;
import dev.ballast.ffi.kvm.KvmSegment;
import dev.ballast.ffi.kvm.KvmSregs;
import dev.ballast.tools.vm.VirtualMachine;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Registers as QEMU's {@code info registers} shows them, without those for debugging and floating
 * point. Lines end with a line feed.
 */
final class RegisterText {
  private static final long EFER_LMA = 1L << 10;

  /** Flags whose letters are shown, and their bits. */
  private static final String FLAGS = "DOSZAPC";

  private static final int[] FLAG_BITS = {10, 11, 7, 6, 4, 2, 0};

  private final KvmRegs regs;
  private final KvmSregs sregs;
  private final boolean wide;
  private final StringBuilder text = new StringBuilder();

  private RegisterText(KvmRegs regs, KvmSregs sregs) {
    this.regs = regs;
    this.sregs = sregs;
    this.wide = (sregs.efer() & EFER_LMA) != 0 && sregs.cs().l() != 0;
  }

  /** Returns those of some vCPUs. */
  static String of(List<VirtualMachine.VcpuSnapshot> snapshots) {
    return snapshots.stream()
        .map(
            snapshot ->
                "\nCPU#"
                    + snapshot.vcpu().index()
                    + "\n"
                    + new RegisterText(snapshot.regs(), snapshot.sregs())
                        .general()
                        .flags(snapshot.halted())
                        .system()
                        .text)
        .collect(Collectors.joining());
  }

  /** As wide as the registers of the mode that the vCPU is in. */
  private String hex(long value) {
    return wide ? "%016x".formatted(value) : "%08x".formatted((int) value);
  }

  private void line(String names, long... values) {
    List<String> all = List.of(names.split(","));
    for (int i = 0; i < values.length; i++) {
      text.append(i == 0 ? "" : " ").append(all.get(i)).append('=').append(hex(values[i]));
    }
    text.append('\n');
  }

  private RegisterText general() {
    if (wide) {
      line("RAX,RBX,RCX,RDX", regs.rax(), regs.rbx(), regs.rcx(), regs.rdx());
      line("RSI,RDI,RBP,RSP", regs.rsi(), regs.rdi(), regs.rbp(), regs.rsp());
      line("R8 ,R9 ,R10,R11", regs.r8(), regs.r9(), regs.r10(), regs.r11());
      line("R12,R13,R14,R15", regs.r12(), regs.r13(), regs.r14(), regs.r15());
    } else {
      line("EAX,EBX,ECX,EDX", regs.rax(), regs.rbx(), regs.rcx(), regs.rdx());
      line("ESI,EDI,EBP,ESP", regs.rsi(), regs.rdi(), regs.rbp(), regs.rsp());
    }
    return this;
  }

  private RegisterText flags(boolean halted) {
    StringBuilder letters = new StringBuilder();
    for (int i = 0; i < FLAGS.length(); i++) {
      letters.append((regs.rflags() >> FLAG_BITS[i] & 1) != 0 ? FLAGS.charAt(i) : '-');
    }
    text.append(
        "%s=%s %s=%08x [%s] CPL=%d A20=1 HLT=%d%n"
            .formatted(
                wide ? "RIP" : "EIP",
                hex(regs.rip()),
                wide ? "RFL" : "EFL",
                regs.rflags(),
                letters,
                sregs.ss().dpl(),
                halted ? 1 : 0));
    return this;
  }

  private RegisterText system() {
    segment("ES ", sregs.es());
    segment("CS ", sregs.cs());
    segment("SS ", sregs.ss());
    segment("DS ", sregs.ds());
    segment("FS ", sregs.fs());
    segment("GS ", sregs.gs());
    segment("LDT", sregs.ldt());
    segment("TR ", sregs.tr());
    table("GDT", sregs.gdt());
    table("IDT", sregs.idt());
    text.append(
        "CR0=%08x CR2=%s CR3=%s CR4=%08x%nEFER=%016x%n"
            .formatted(sregs.cr0(), hex(sregs.cr2()), hex(sregs.cr3()), sregs.cr4(), sregs.efer()));
    return this;
  }

  private void segment(String name, KvmSegment segment) {
    // The upper half of a descriptor (Intel SDM 3A, §3.4.5), without what of base and limit it has.
    int attributes =
        segment.type() << 8
            | segment.s() << 12
            | segment.dpl() << 13
            | segment.present() << 15
            | segment.avl() << 20
            | segment.l() << 21
            | segment.db() << 22
            | segment.g() << 23;
    text.append(
        "%s=%04x %s %08x %08x%n"
            .formatted(name, segment.selector(), hex(segment.base()), segment.limit(), attributes));
  }

  private void table(String name, KvmDescriptorTable table) {
    text.append("%s=     %s %08x%n".formatted(name, hex(table.base()), table.limit()));
  }
}
