package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_cpuid_entry2;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** {@code struct kvm_cpuid2} with its entries behind it. */
final class CpuidStruct {
  private CpuidStruct() {}

  /** Allocates one with room for {@code entries}, and sets {@code nent} to that. */
  static MemorySegment allocate(Arena arena, int entries) {
    long size = KvmH.OFFSET_kvm_cpuid2_entries() + entries * kvm_cpuid_entry2.sizeof();
    MemorySegment cpuid = arena.allocate(size, Long.BYTES);
    cpuid.set(JAVA_INT, KvmH.OFFSET_kvm_cpuid2_nent(), entries);
    return cpuid;
  }

  static MemorySegment allocate(Arena arena, CpuidTable table) {
    MemorySegment cpuid = allocate(arena, table.entries().size());
    int i = 0;
    for (CpuidTable.Entry entry : table.entries()) {
      MemorySegment target = entry(cpuid, i++);
      kvm_cpuid_entry2.function(target, entry.function());
      kvm_cpuid_entry2.index(target, entry.index());
      kvm_cpuid_entry2.flags(target, entry.flags());
      kvm_cpuid_entry2.eax(target, entry.eax());
      kvm_cpuid_entry2.ebx(target, entry.ebx());
      kvm_cpuid_entry2.ecx(target, entry.ecx());
      kvm_cpuid_entry2.edx(target, entry.edx());
    }
    return cpuid;
  }

  static CpuidTable read(MemorySegment cpuid) {
    int count = cpuid.get(JAVA_INT, KvmH.OFFSET_kvm_cpuid2_nent());
    List<CpuidTable.Entry> entries = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      MemorySegment source = entry(cpuid, i);
      entries.add(
          new CpuidTable.Entry(
              kvm_cpuid_entry2.function(source),
              kvm_cpuid_entry2.index(source),
              kvm_cpuid_entry2.flags(source),
              kvm_cpuid_entry2.eax(source),
              kvm_cpuid_entry2.ebx(source),
              kvm_cpuid_entry2.ecx(source),
              kvm_cpuid_entry2.edx(source)));
    }
    return new CpuidTable(entries);
  }

  private static MemorySegment entry(MemorySegment cpuid, int i) {
    long size = kvm_cpuid_entry2.sizeof();
    return cpuid.asSlice(KvmH.OFFSET_kvm_cpuid2_entries() + i * size, size);
  }
}
