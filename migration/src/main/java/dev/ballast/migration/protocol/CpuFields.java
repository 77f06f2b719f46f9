package dev.ballast.migration.protocol;

import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The processor that the guest sees, in {@link FrameType#CONFIG} from version 6 on. */
final class CpuFields {
  /** As many as KVM keeps for a vCPU ({@code KVM_MAX_CPUID_ENTRIES}). */
  private static final int MAX_ENTRIES = 256;

  /** {@code KVM_CPUID_FLAG_*}. */
  private static final int MAX_FLAGS = 7;

  private static final int MAX_MSRS = 4096;
  private static final int MAX_KINDS = 64;

  private CpuFields() {}

  /** Writes a processor; without one, a table of no entries. */
  static void write(Optional<CpuProfile> cpu, StateWriter writer) {
    List<CpuidTable.Entry> entries = cpu.map(c -> c.cpuid().entries()).orElse(List.of());
    writer.u32(entries.size());
    for (CpuidTable.Entry e : entries) {
      writer.u32(e.function()).u32(e.index()).u32(e.flags());
      writer.u32(e.eax()).u32(e.ebx()).u32(e.ecx()).u32(e.edx());
    }
    List<Integer> msrs = cpu.map(CpuProfile::msrs).orElse(List.of());
    writer.u32(msrs.size());
    msrs.forEach(writer::u32);
    Map<Integer, Long> featureMsrs = cpu.map(CpuProfile::featureMsrs).orElse(Map.of());
    writer.u32(featureMsrs.size());
    featureMsrs.forEach((index, value) -> writer.u32(index).u64(value));
    Map<String, Integer> sizes = cpu.map(CpuProfile::stateSizes).orElse(Map.of());
    writer.u32(sizes.size());
    sizes.forEach((kind, size) -> writer.string(kind).u32(size));
  }

  /** Reads what {@link #write} wrote. */
  static Optional<CpuProfile> read(StateReader reader) throws IOException {
    List<CpuidTable.Entry> entries = new ArrayList<>();
    Set<Long> places = new HashSet<>();
    for (int i = reader.u32("CPUID entry count", 0, MAX_ENTRIES); i > 0; i--) {
      CpuidTable.Entry entry =
          new CpuidTable.Entry(
              reader.u32(),
              reader.u32(),
              reader.u32("CPUID flags", 0, MAX_FLAGS),
              reader.u32(),
              reader.u32(),
              reader.u32(),
              reader.u32());
      if (!places.add((long) entry.function() << 32 | Integer.toUnsignedLong(entry.index()))) {
        throw reader.fail("CPUID 0x%x.%d twice".formatted(entry.function(), entry.index()));
      }
      entries.add(entry);
    }
    List<Integer> msrs = new ArrayList<>();
    for (int i = reader.u32("MSR count", 0, MAX_MSRS); i > 0; i--) {
      msrs.add(reader.u32());
    }
    Map<Integer, Long> featureMsrs = new LinkedHashMap<>();
    for (int i = reader.u32("feature MSR count", 0, MAX_MSRS); i > 0; i--) {
      int index = reader.u32();
      if (featureMsrs.putIfAbsent(index, reader.u64()) != null) {
        throw reader.fail("feature MSR 0x%x twice".formatted(index));
      }
    }
    Map<String, Integer> sizes = new LinkedHashMap<>();
    for (int i = reader.u32("state kind count", 0, MAX_KINDS); i > 0; i--) {
      String kind = Messages.printableName(reader);
      if (sizes.putIfAbsent(kind, reader.u32()) != null) {
        throw reader.fail("state kind '" + kind + "' twice");
      }
    }
    if (!entries.isEmpty()) {
      return Optional.of(new CpuProfile(new CpuidTable(entries), msrs, featureMsrs, sizes));
    }
    if (!msrs.isEmpty() || !featureMsrs.isEmpty() || !sizes.isEmpty()) {
      throw reader.fail("MSRs or states of a processor without CPUID");
    }
    return Optional.empty();
  }
}
