package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Processors for tests. */
final class Profiles {
  private static final int[] XSAVE_SIZES = {0, 0, 256, 64, 64, 64, 512, 1024, 128, 8};
  private static final int[] XSAVE_OFFSETS = {0, 0, 576, 960, 1024, 1088, 1152, 1664, 0, 2688};

  private Profiles() {}

  /** A processor with all features that have names. */
  static CpuProfile everything() {
    return of(CpuFeatures.all().stream().map(CpuFeature::name).toList());
  }

  /** A processor with some of the features, but always those that others rest on. */
  static CpuProfile random(Random random) {
    List<String> names = new ArrayList<>();
    for (CpuFeature feature : CpuFeatures.all()) {
      if (random.nextInt(3) > 0 || List.of("xsave", "avx", "avx2").contains(feature.name())) {
        names.add(feature.name());
      }
    }
    CpuProfile all = of(names);
    List<Integer> msrs = new ArrayList<>(all.msrs());
    msrs.removeIf(msr -> msr != 0x10 && random.nextInt(4) == 0);
    return new CpuProfile(all.cpuid(), msrs, Map.of(0x10a, random.nextLong()), all.stateSizes());
  }

  static CpuProfile of(String... names) {
    return of(Arrays.asList(names));
  }

  /** A processor of Intel's with 46 address bits and the features. */
  static CpuProfile of(List<String> names) {
    Map<List<Integer>, int[]> leaves = new LinkedHashMap<>();
    leaves.put(List.of(0, 0), new int[] {0x1f, 0x756e6547, 0x6c65746e, 0x49656e69});
    leaves.put(List.of(1, 0), new int[] {0x806f8, 0x800, 0, 0});
    leaves.put(List.of(4, 0), new int[] {0xfc004121, 0x02c0003f, 0x3f, 0});
    leaves.put(List.of(4, 1), new int[] {0xfc004122, 0x01c0003f, 0x3f, 0});
    leaves.put(List.of(4, 2), new int[] {0xfc004143, 0x03c0003f, 0x7ff, 0});
    leaves.put(List.of(4, 3), new int[] {0xfc1fc163, 0x0380003f, 0x1bfff, 4});
    leaves.put(List.of(4, 4), new int[] {0, 0, 0, 0});
    leaves.put(List.of(0xb, 0), new int[] {1, 2, 0x100, 0});
    leaves.put(List.of(0x80000000, 0), new int[] {0x80000022, 0, 0, 0});
    leaves.put(List.of(0x80000008, 0), new int[] {0x302e, 0, 0, 0});
    leaves.put(List.of(0x8000001d, 3), new int[] {0x1c163, 0x03c0003f, 0x7fff, 1});
    leaves.put(List.of(0x8000001e, 0), new int[] {7, 0x103, 0x201, 0});
    for (String name : names) {
      CpuFeature f = CpuFeatures.get(name);
      int[] values = leaves.computeIfAbsent(List.of(f.leaf(), f.subleaf()), _ -> new int[4]);
      values[number(f.register())] |= f.name().equals("pmu") ? 2 : f.mask();
    }
    addXsave(names, leaves);
    List<CpuidTable.Entry> entries = new ArrayList<>();
    leaves.forEach(
        (place, v) -> {
          boolean indexed = List.of(4, 7, 0xb, 0xd, 0x8000001d).contains(place.getFirst());
          entries.add(
              new CpuidTable.Entry(
                  place.get(0), place.get(1), indexed ? 1 : 0, v[0], v[1], v[2], v[3]));
        });
    Map<Integer, Long> featureMsrs = new LinkedHashMap<>();
    featureMsrs.put(0x10a, 0x0c08_e0ebL);
    featureMsrs.put(0x480, 1L);
    List<Integer> msrs = List.of(0x10, 0xe1, 0x10a, 0x174, 0x480, 0x40000000, 0xc0000103);
    return new CpuProfile(new CpuidTable(entries), msrs, featureMsrs, Map.of("XSAVE", 4096));
  }

  private static int number(CpuidRegister register) {
    return switch (register) {
      case EAX -> 0;
      case EBX -> 1;
      case ECX -> 2;
      case EDX -> 3;
    };
  }

  private static void addXsave(List<String> names, Map<List<Integer>, int[]> leaves) {
    if (!names.contains("xsave")) {
      return;
    }
    int[] first = {3, 576, 576, 0};
    leaves.put(List.of(0xd, 0), first);
    leaves.computeIfAbsent(List.of(0xd, 1), _ -> new int[4]);
    Map<String, List<Integer>> components =
        Map.of(
            "avx",
            List.of(2),
            "mpx",
            List.of(3, 4),
            "avx512f",
            List.of(5, 6, 7),
            "pku",
            List.of(9));
    components.forEach(
        (name, numbers) -> {
          for (int number : names.contains(name) ? numbers : List.<Integer>of()) {
            first[0] |= 1 << number;
            first[2] = Math.max(first[2], XSAVE_OFFSETS[number] + XSAVE_SIZES[number]);
            leaves.put(
                List.of(0xd, number), new int[] {XSAVE_SIZES[number], XSAVE_OFFSETS[number], 0, 0});
          }
        });
  }

  static CpuProfile without(
      CpuProfile profile, CpuidRegister register, int leaf, int sub, int bits) {
    CpuidEditor editor = new CpuidEditor(profile.cpuid());
    editor.and(leaf, sub, register, ~bits);
    return withCpuid(profile, editor.table());
  }

  static CpuProfile withCpuid(CpuProfile profile, CpuidTable table) {
    return new CpuProfile(table, profile.msrs(), profile.featureMsrs(), profile.stateSizes());
  }

  static CpuProfile withFeatureMsr(CpuProfile profile, int index, long value) {
    return new CpuProfile(
        profile.cpuid(), profile.msrs(), Map.of(index, value), profile.stateSizes());
  }
}
