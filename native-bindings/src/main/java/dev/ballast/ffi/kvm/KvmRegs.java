package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.kvm_regs;
import java.lang.foreign.MemorySegment;

/**
 * General registers of a vCPU, {@code struct kvm_regs} (KVM API §4.11), over a copy on the heap.
 * For one thread.
 */
public final class KvmRegs {
  /** Size in bytes of the state that {@link VcpuStateKind#REGS} carries. */
  public static final int SIZE = (int) kvm_regs.sizeof();

  private final MemorySegment segment = StateBytes.allocate(SIZE);

  /**
   * Creates registers that are all zero. On a processor bit 1 of RFLAGS is always set: set it
   * before use.
   */
  public KvmRegs() {}

  /**
   * Creates registers with the values of a state.
   *
   * @param state as {@link KvmVcpu#get} returned it for {@link VcpuStateKind#REGS}
   * @throws IllegalArgumentException if it is not {@link #SIZE} bytes long
   */
  public static KvmRegs of(byte[] state) {
    KvmRegs regs = new KvmRegs();
    StateBytes.copy(state, regs.segment);
    return regs;
  }

  /** Returns a copy for {@link KvmVcpu#set}. */
  public byte[] toBytes() {
    return StateBytes.of(segment);
  }

  public long rax() {
    return kvm_regs.rax(segment);
  }

  public KvmRegs rax(long value) {
    kvm_regs.rax(segment, value);
    return this;
  }

  public long rbx() {
    return kvm_regs.rbx(segment);
  }

  public KvmRegs rbx(long value) {
    kvm_regs.rbx(segment, value);
    return this;
  }

  public long rcx() {
    return kvm_regs.rcx(segment);
  }

  public KvmRegs rcx(long value) {
    kvm_regs.rcx(segment, value);
    return this;
  }

  public long rdx() {
    return kvm_regs.rdx(segment);
  }

  public KvmRegs rdx(long value) {
    kvm_regs.rdx(segment, value);
    return this;
  }

  public long rsi() {
    return kvm_regs.rsi(segment);
  }

  public KvmRegs rsi(long value) {
    kvm_regs.rsi(segment, value);
    return this;
  }

  public long rdi() {
    return kvm_regs.rdi(segment);
  }

  public KvmRegs rdi(long value) {
    kvm_regs.rdi(segment, value);
    return this;
  }

  public long rsp() {
    return kvm_regs.rsp(segment);
  }

  public KvmRegs rsp(long value) {
    kvm_regs.rsp(segment, value);
    return this;
  }

  public long rbp() {
    return kvm_regs.rbp(segment);
  }

  public KvmRegs rbp(long value) {
    kvm_regs.rbp(segment, value);
    return this;
  }

  public long r8() {
    return kvm_regs.r8(segment);
  }

  public KvmRegs r8(long value) {
    kvm_regs.r8(segment, value);
    return this;
  }

  public long r9() {
    return kvm_regs.r9(segment);
  }

  public KvmRegs r9(long value) {
    kvm_regs.r9(segment, value);
    return this;
  }

  public long r10() {
    return kvm_regs.r10(segment);
  }

  public KvmRegs r10(long value) {
    kvm_regs.r10(segment, value);
    return this;
  }

  public long r11() {
    return kvm_regs.r11(segment);
  }

  public KvmRegs r11(long value) {
    kvm_regs.r11(segment, value);
    return this;
  }

  public long r12() {
    return kvm_regs.r12(segment);
  }

  public KvmRegs r12(long value) {
    kvm_regs.r12(segment, value);
    return this;
  }

  public long r13() {
    return kvm_regs.r13(segment);
  }

  public KvmRegs r13(long value) {
    kvm_regs.r13(segment, value);
    return this;
  }

  public long r14() {
    return kvm_regs.r14(segment);
  }

  public KvmRegs r14(long value) {
    kvm_regs.r14(segment, value);
    return this;
  }

  public long r15() {
    return kvm_regs.r15(segment);
  }

  public KvmRegs r15(long value) {
    kvm_regs.r15(segment, value);
    return this;
  }

  public long rip() {
    return kvm_regs.rip(segment);
  }

  public KvmRegs rip(long value) {
    kvm_regs.rip(segment, value);
    return this;
  }

  public long rflags() {
    return kvm_regs.rflags(segment);
  }

  public KvmRegs rflags(long value) {
    kvm_regs.rflags(segment, value);
    return this;
  }

  /** Returns all registers in hexadecimal, three to a line. */
  @Override
  public String toString() {
    return """
    rip %016x  rsp %016x  rflags %08x
    rax %016x  rbx %016x  rcx %016x
    rdx %016x  rsi %016x  rdi %016x
    rbp %016x  r8  %016x  r9  %016x
    r10 %016x  r11 %016x  r12 %016x
    r13 %016x  r14 %016x  r15 %016x\
    """
        .formatted(
            rip(), rsp(), rflags(), rax(), rbx(), rcx(), rdx(), rsi(), rdi(), rbp(), r8(), r9(),
            r10(), r11(), r12(), r13(), r14(), r15());
  }
}
