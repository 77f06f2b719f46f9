package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.MsrTable;
import dev.ballast.ffi.kvm.VcpuRegisters;
import dev.ballast.ffi.kvm.VcpuStateKind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A vCPU that holds what is set, and records what is read and set, in order. */
final class FakeRegisters implements VcpuRegisters {
  final List<String> calls = new ArrayList<>();
  final Map<VcpuStateKind, byte[]> state = new EnumMap<>(VcpuStateKind.class);
  final Map<Integer, Long> msrs = new TreeMap<>();

  /** Can be read, but not be set. */
  final Set<Integer> readOnly;

  /**
   * @param msrs those that it has, all 0
   */
  FakeRegisters(int[] msrs, Integer... readOnly) {
    for (VcpuStateKind kind : VcpuStateKind.values()) {
      state.put(kind, mark(kind));
    }
    Arrays.stream(msrs).forEach(index -> this.msrs.put(index, 0L));
    this.readOnly = Set.of(readOnly);
  }

  /** Returns what a part of the state holds at first. */
  static byte[] mark(VcpuStateKind kind) {
    return kind.name().getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public int id() {
    return 0;
  }

  @Override
  public int size(VcpuStateKind kind) {
    return mark(kind).length;
  }

  @Override
  public byte[] get(VcpuStateKind kind) {
    calls.add("get " + kind);
    return state.getOrDefault(kind, mark(kind)).clone();
  }

  @Override
  public void set(VcpuStateKind kind, byte[] bytes) {
    calls.add("set " + kind);
    state.put(kind, bytes.clone());
  }

  @Override
  public MsrTable getMsrs(int[] indices) {
    calls.add("get MSRS");
    int[] found = Arrays.stream(indices).filter(msrs::containsKey).toArray();
    return new MsrTable(found, Arrays.stream(found).mapToLong(msrs::get).toArray());
  }

  @Override
  public int[] setMsrs(MsrTable table) {
    calls.add("set MSRS");
    List<Integer> refused = new ArrayList<>();
    for (int i = 0; i < table.size(); i++) {
      if (!msrs.containsKey(table.index(i)) || readOnly.contains(table.index(i))) {
        refused.add(table.index(i));
      } else {
        msrs.put(table.index(i), table.value(i));
      }
    }
    return refused.stream().mapToInt(Integer::intValue).toArray();
  }
}
