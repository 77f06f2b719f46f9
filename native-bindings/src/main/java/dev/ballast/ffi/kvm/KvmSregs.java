package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.kvm_sregs;
import java.lang.foreign.MemorySegment;

/**
 * Segment and control registers of a vCPU, {@code struct kvm_sregs} (KVM API §4.13), over a copy on
 * the heap. The segments and tables that it returns are views: setting them changes this object.
 * For one thread.
 */
public final class KvmSregs {
  /** Size in bytes of the state that {@link VcpuStateKind#SREGS} carries. */
  public static final int SIZE = (int) kvm_sregs.sizeof();

  private final MemorySegment segment = StateBytes.allocate(SIZE);

  /** Creates registers that are all zero. */
  public KvmSregs() {}

  /**
   * Creates registers with the values of a state.
   *
   * @param state as {@link KvmVcpu#get} returned it for {@link VcpuStateKind#SREGS}
   * @throws IllegalArgumentException if it is not {@link #SIZE} bytes long
   */
  public static KvmSregs of(byte[] state) {
    KvmSregs sregs = new KvmSregs();
    StateBytes.copy(state, sregs.segment);
    return sregs;
  }

  /** Returns a copy for {@link KvmVcpu#set}. */
  public byte[] toBytes() {
    return StateBytes.of(segment);
  }

  public KvmSegment cs() {
    return new KvmSegment(kvm_sregs.cs(segment));
  }

  public KvmSegment ds() {
    return new KvmSegment(kvm_sregs.ds(segment));
  }

  public KvmSegment es() {
    return new KvmSegment(kvm_sregs.es(segment));
  }

  public KvmSegment fs() {
    return new KvmSegment(kvm_sregs.fs(segment));
  }

  public KvmSegment gs() {
    return new KvmSegment(kvm_sregs.gs(segment));
  }

  public KvmSegment ss() {
    return new KvmSegment(kvm_sregs.ss(segment));
  }

  public KvmSegment tr() {
    return new KvmSegment(kvm_sregs.tr(segment));
  }

  public KvmSegment ldt() {
    return new KvmSegment(kvm_sregs.ldt(segment));
  }

  public KvmDescriptorTable gdt() {
    return new KvmDescriptorTable(kvm_sregs.gdt(segment));
  }

  public KvmDescriptorTable idt() {
    return new KvmDescriptorTable(kvm_sregs.idt(segment));
  }

  public long cr0() {
    return kvm_sregs.cr0(segment);
  }

  public KvmSregs cr0(long value) {
    kvm_sregs.cr0(segment, value);
    return this;
  }

  public long cr2() {
    return kvm_sregs.cr2(segment);
  }

  public KvmSregs cr2(long value) {
    kvm_sregs.cr2(segment, value);
    return this;
  }

  public long cr3() {
    return kvm_sregs.cr3(segment);
  }

  public KvmSregs cr3(long value) {
    kvm_sregs.cr3(segment, value);
    return this;
  }

  public long cr4() {
    return kvm_sregs.cr4(segment);
  }

  public KvmSregs cr4(long value) {
    kvm_sregs.cr4(segment, value);
    return this;
  }

  public long cr8() {
    return kvm_sregs.cr8(segment);
  }

  public KvmSregs cr8(long value) {
    kvm_sregs.cr8(segment, value);
    return this;
  }

  public long efer() {
    return kvm_sregs.efer(segment);
  }

  public KvmSregs efer(long value) {
    kvm_sregs.efer(segment, value);
    return this;
  }

  public long apicBase() {
    return kvm_sregs.apic_base(segment);
  }

  public KvmSregs apicBase(long value) {
    kvm_sregs.apic_base(segment, value);
    return this;
  }

  /** Returns the control registers, the segments and the tables in hexadecimal. */
  @Override
  public String toString() {
    StringBuilder text =
        new StringBuilder(
            "cr0 %016x  cr2 %016x  cr3 %016x%ncr4 %016x  cr8 %016x  efer %08x  apic %x%n"
                .formatted(cr0(), cr2(), cr3(), cr4(), cr8(), efer(), apicBase()));
    text.append("cs  ").append(cs()).append('\n');
    text.append("ds  ").append(ds()).append('\n');
    text.append("es  ").append(es()).append('\n');
    text.append("fs  ").append(fs()).append('\n');
    text.append("gs  ").append(gs()).append('\n');
    text.append("ss  ").append(ss()).append('\n');
    text.append("tr  ").append(tr()).append('\n');
    text.append("ldt ").append(ldt()).append('\n');
    text.append("gdt ").append(gdt()).append('\n');
    return text.append("idt ").append(idt()).toString();
  }
}
