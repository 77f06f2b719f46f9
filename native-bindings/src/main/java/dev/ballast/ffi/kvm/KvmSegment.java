package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.kvm_segment;
import java.lang.foreign.MemorySegment;

/**
 * A segment register with its hidden part, {@code struct kvm_segment}: a view on a {@link
 * KvmSregs}.
 */
public final class KvmSegment {
  private final MemorySegment segment;

  KvmSegment(MemorySegment segment) {
    this.segment = segment;
  }

  public long base() {
    return kvm_segment.base(segment);
  }

  public KvmSegment base(long value) {
    kvm_segment.base(segment, value);
    return this;
  }

  /** Returns the limit in bytes, already scaled by the granularity; unsigned. */
  public int limit() {
    return kvm_segment.limit(segment);
  }

  public KvmSegment limit(int value) {
    kvm_segment.limit(segment, value);
    return this;
  }

  public int selector() {
    return Short.toUnsignedInt(kvm_segment.selector(segment));
  }

  public KvmSegment selector(int value) {
    kvm_segment.selector(segment, (short) value);
    return this;
  }

  /**
   * Returns the four type bits of the descriptor: 0xb is code, 0x3 data, 0xb a busy TSS when {@link
   * #s} is 0.
   */
  public int type() {
    return Byte.toUnsignedInt(kvm_segment.type(segment));
  }

  public KvmSegment type(int value) {
    kvm_segment.type(segment, (byte) value);
    return this;
  }

  public int present() {
    return Byte.toUnsignedInt(kvm_segment.present(segment));
  }

  public KvmSegment present(int value) {
    kvm_segment.present(segment, (byte) value);
    return this;
  }

  public int dpl() {
    return Byte.toUnsignedInt(kvm_segment.dpl(segment));
  }

  public KvmSegment dpl(int value) {
    kvm_segment.dpl(segment, (byte) value);
    return this;
  }

  /** Returns 1 for 32-bit operands; 0 in 64-bit code. */
  public int db() {
    return Byte.toUnsignedInt(kvm_segment.db(segment));
  }

  public KvmSegment db(int value) {
    kvm_segment.db(segment, (byte) value);
    return this;
  }

  /** Returns 1 for code and data, 0 for system segments. */
  public int s() {
    return Byte.toUnsignedInt(kvm_segment.s(segment));
  }

  public KvmSegment s(int value) {
    kvm_segment.s(segment, (byte) value);
    return this;
  }

  /** Returns 1 for 64-bit code. */
  public int l() {
    return Byte.toUnsignedInt(kvm_segment.l(segment));
  }

  public KvmSegment l(int value) {
    kvm_segment.l(segment, (byte) value);
    return this;
  }

  /** Returns 1 when the limit counts 4 KiB units. */
  public int g() {
    return Byte.toUnsignedInt(kvm_segment.g(segment));
  }

  public KvmSegment g(int value) {
    kvm_segment.g(segment, (byte) value);
    return this;
  }

  public int avl() {
    return Byte.toUnsignedInt(kvm_segment.avl(segment));
  }

  public KvmSegment avl(int value) {
    kvm_segment.avl(segment, (byte) value);
    return this;
  }

  public int unusable() {
    return Byte.toUnsignedInt(kvm_segment.unusable(segment));
  }

  public KvmSegment unusable(int value) {
    kvm_segment.unusable(segment, (byte) value);
    return this;
  }

  @Override
  public String toString() {
    return "%04x base %016x limit %08x type %x s %d dpl %d p %d l %d db %d g %d"
        .formatted(selector(), base(), limit(), type(), s(), dpl(), present(), l(), db(), g());
  }
}
