package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.kvm_dtable;
import java.lang.foreign.MemorySegment;

/** GDTR or IDTR, {@code struct kvm_dtable}: a view on a {@link KvmSregs}. */
public final class KvmDescriptorTable {
  private final MemorySegment segment;

  KvmDescriptorTable(MemorySegment segment) {
    this.segment = segment;
  }

  public long base() {
    return kvm_dtable.base(segment);
  }

  public KvmDescriptorTable base(long value) {
    kvm_dtable.base(segment, value);
    return this;
  }

  /** Returns the size of the table in bytes, less one. */
  public int limit() {
    return Short.toUnsignedInt(kvm_dtable.limit(segment));
  }

  public KvmDescriptorTable limit(int value) {
    kvm_dtable.limit(segment, (short) value);
    return this;
  }

  @Override
  public String toString() {
    return "base %016x limit %04x".formatted(base(), limit());
  }
}
