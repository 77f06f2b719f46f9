package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
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
    return find(leaf, subleaf).map(register::of).orElse(0);
  }

  /** Has no effect where there is no such entry. */
  void update(int leaf, int subleaf, CpuidRegister register, IntUnaryOperator change) {
    for (int i = 0; i < entries.size(); i++) {
      CpuidTable.Entry e = entries.get(i);
      if (isFor(e, leaf, subleaf)) {
        entries.set(i, register.with(e, change.applyAsInt(register.of(e))));
      }
    }
  }

  private static boolean isFor(CpuidTable.Entry e, int leaf, int subleaf) {
    return e.function() == leaf
        && (e.index() == subleaf || (e.flags() & CpuidTable.SIGNIFICANT_INDEX) == 0);
  }

  boolean has(CpuFeature feature) {
    return (get(feature.leaf(), feature.subleaf(), feature.register()) & feature.mask()) != 0;
  }

  void clear(CpuFeature feature) {
    update(feature.leaf(), feature.subleaf(), feature.register(), v -> v & ~feature.mask());
  }

  void remove(Predicate<CpuidTable.Entry> which) {
    entries.removeIf(which);
  }

  void removeLeaf(int leaf) {
    entries.removeIf(e -> e.function() == leaf);
  }
}
