package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** Changes a copy of a CPUID table. One thread. */
final class CpuidEditor {
  private final List<CpuidTable.Entry> entries;

  CpuidEditor(CpuidTable table) {
    this.entries = new ArrayList<>(table.entries());
  }

  CpuidTable table() {
    return new CpuidTable(entries);
  }

  Optional<CpuidTable.Entry> find(int leaf, int subleaf) {
    for (CpuidTable.Entry e : entries) {
      if (isFor(e, leaf, subleaf)) {
        return Optional.of(e);
      }
    }
    return Optional.empty();
  }

  /** Returns 0 where there is no such entry. */
  int get(int leaf, int subleaf, CpuidRegister register) {
    Optional<CpuidTable.Entry> entry = find(leaf, subleaf);
    return entry.isPresent() ? register.of(entry.get()) : 0;
  }

  /** Has no effect where there is no such entry. */
  void set(int leaf, int subleaf, CpuidRegister register, int value) {
    for (int i = 0; i < entries.size(); i++) {
      CpuidTable.Entry e = entries.get(i);
      if (isFor(e, leaf, subleaf)) {
        entries.set(i, register.with(e, value));
      }
    }
  }

  /** Has no effect where there is no such entry. */
  void and(int leaf, int subleaf, CpuidRegister register, int mask) {
    set(leaf, subleaf, register, get(leaf, subleaf, register) & mask);
  }

  private static boolean isFor(CpuidTable.Entry e, int leaf, int subleaf) {
    return e.function() == leaf
        && (e.index() == subleaf || (e.flags() & CpuidTable.SIGNIFICANT_INDEX) == 0);
  }

  boolean has(CpuFeature feature) {
    return (get(feature.leaf(), feature.subleaf(), feature.register()) & feature.mask()) != 0;
  }

  void clear(CpuFeature feature) {
    and(feature.leaf(), feature.subleaf(), feature.register(), ~feature.mask());
  }

  void add(CpuFeature feature) {
    int value = get(feature.leaf(), feature.subleaf(), feature.register()) | feature.mask();
    set(feature.leaf(), feature.subleaf(), feature.register(), value);
  }

  void remove(Predicate<CpuidTable.Entry> which) {
    entries.removeIf(which);
  }

  void removeLeaf(int leaf) {
    for (int i = entries.size() - 1; i >= 0; i--) {
      if (entries.get(i).function() == leaf) {
        entries.remove(i);
      }
    }
  }
}
