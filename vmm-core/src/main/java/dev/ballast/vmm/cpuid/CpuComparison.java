package dev.ballast.vmm.cpuid;

import static dev.ballast.vmm.cpuid.CpuidRegister.EAX;
import static dev.ballast.vmm.cpuid.CpuidRegister.EBX;
import static dev.ballast.vmm.cpuid.CpuidRegister.ECX;
import static dev.ballast.vmm.cpuid.CpuidRegister.EDX;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Why a guest that has seen one processor cannot go on with another: each feature bit must be
 * there, a width must not be smaller, and what a guest computes with must be equal. What only tells
 * how fast a processor is, as its caches, and what belongs to a vCPU's place, need not agree.
 */
public final class CpuComparison {
  private static final CpuFeature HTT = CpuFeatures.get("ht");

  /** The most features that a refusal names. */
  private static final int MAX_NAMED = 32;

  /** The most registers whose values it has. */
  private static final int MAX_WORDS = 8;

  private final CpuProfile source;
  private final CpuProfile here;
  private final List<String> features = new ArrayList<>();
  private final Map<String, String[]> words = new LinkedHashMap<>();
  private final List<String> differences = new ArrayList<>();

  private CpuComparison(CpuProfile source, CpuProfile here) {
    this.source = source;
    this.here = here;
  }

  /**
   * Returns why a guest that was offered {@code source} cannot go on: the field, and both values;
   * empty when it can.
   *
   * @param here what it can be offered; its MSRs are all that KVM lists
   */
  public static Optional<String> refusal(CpuProfile source, CpuProfile here) {
    CpuComparison comparison = new CpuComparison(source, here);
    comparison.run();
    return comparison.differences.stream().findFirst();
  }

  private void run() {
    if (!source.vendor().equals(here.vendor())) {
      differs("CPU vendor", printable(source.vendor()), printable(here.vendor()));
      return;
    }
    for (CpuidTable.Entry entry : source.cpuid().entries()) {
      compare(entry);
    }
    refuseFeatures();
    compareWidths();
    compareMsrs();
    source
        .stateSizes()
        .forEach(
            (kind, size) -> {
              Integer mine = here.stateSizes().get(kind);
              if (mine != null && !mine.equals(size)) {
                differs("vCPU state " + kind, size + " bytes", mine + " bytes");
              }
            });
  }

  private static String printable(String vendor) {
    return vendor.replaceAll("[^ -~]", "?");
  }

  private void differs(String field, Object theirs, Object mine) {
    differences.add(field + ": source has " + theirs + ", destination has " + mine);
  }

  private void compare(CpuidTable.Entry e) {
    switch (e.function()) {
      case 0x1 -> {
        bits(e, ECX, e.ecx());
        bits(e, EDX, e.edx() & ~HTT.mask());
        equal(e, EBX, 0xff00);
      }
      case 0x7 -> {
        // EAX of sub-leaf 0 says how many sub-leaves there are.
        bits(e, EAX, e.index() == 0 ? 0 : e.eax());
        bits(e, EBX, e.ebx());
        bits(e, ECX, e.ecx());
        bits(e, EDX, e.edx());
      }
      case XsaveArea.LEAF -> compareXsave(e);
      case 0xa, 0x12, 0x14, 0x1c, 0x1d, 0x1e, 0x23, 0x24, 0x80000022 -> {
        equal(e, EAX, -1);
        equal(e, EBX, -1);
        equal(e, ECX, -1);
        equal(e, EDX, -1);
      }
      case 0x40000000 -> {
        equal(e, EBX, -1);
        equal(e, ECX, -1);
        equal(e, EDX, -1);
      }
      case 0x80000001 -> {
        bits(e, ECX, e.ecx());
        bits(e, EDX, e.edx());
      }
      case 0x80000008 -> bits(e, EBX, e.ebx());
      case 0x80000021 -> {
        bits(e, EAX, e.eax());
        bits(e, ECX, e.ecx());
      }
      // The highest leaves, caches, names, topology, sizes and hints.
      case 0x0, 0x2, 0x3, 0x4, 0x5, 0xb, 0x15, 0x16, 0x18, 0x1a, 0x1f -> {}
      case 0x80000000, 0x80000002, 0x80000003, 0x80000004, 0x80000005, 0x80000006 -> {}
      case 0x80000019, 0x8000001a, 0x8000001d, 0x8000001e, 0x80000026 -> {}
      default -> {
        bits(e, EAX, e.eax());
        bits(e, EBX, e.ebx());
        bits(e, ECX, e.ecx());
        bits(e, EDX, e.edx());
      }
    }
  }

  private void compareXsave(CpuidTable.Entry e) {
    switch (e.index()) {
      case 0 -> {
        bits(e, EAX, e.eax());
        bits(e, EDX, e.edx());
      }
      case 1 -> {
        bits(e, EAX, e.eax());
        bits(e, ECX, e.ecx());
        bits(e, EDX, e.edx());
      }
      default -> {
        Optional<CpuidTable.Entry> mine = here.cpuid().find(XsaveArea.LEAF, e.index());
        if (mine.isPresent() && !XsaveArea.isSame(e, mine.get())) {
          differs("XSAVE component " + e.index(), place(e), place(mine.get()));
        }
      }
    }
  }

  private static String place(CpuidTable.Entry e) {
    return "%d bytes at %d".formatted(e.eax(), e.ebx());
  }

  private int mine(CpuidTable.Entry e, CpuidRegister register) {
    return here.cpuid().find(e.function(), e.index()).map(register::of).orElse(0);
  }

  private void bits(CpuidTable.Entry e, CpuidRegister register, int wanted) {
    int mine = mine(e, register);
    int missing = wanted & ~mine;
    if (missing == 0) {
      return;
    }
    for (int bit = 0; bit < Integer.SIZE; bit++) {
      if ((missing >>> bit & 1) != 0) {
        features.add(name(e, register, bit));
      }
    }
    if (words.size() < MAX_WORDS) {
      words.put(place(e, register), new String[] {hex(register.of(e)), hex(mine)});
    }
  }

  private static String name(CpuidTable.Entry e, CpuidRegister register, int bit) {
    int component = XsaveArea.component(e.index(), register, bit);
    return e.function() == XsaveArea.LEAF && component >= 0
        ? XsaveArea.name(component)
        : CpuFeatures.nameOf(e.function(), e.index(), register, bit);
  }

  private static String place(CpuidTable.Entry e, CpuidRegister register) {
    return "0x%x.%d %s".formatted(e.function(), e.index(), register.label());
  }

  private static String hex(int value) {
    return "0x%08x".formatted(value);
  }

  private void equal(CpuidTable.Entry e, CpuidRegister register, int mask) {
    int theirs = register.of(e) & mask;
    int mine = mine(e, register) & mask;
    if (theirs != mine) {
      differs("CPUID " + place(e, register), hex(theirs), hex(mine));
    }
  }

  /** First of all: whatever else differs follows from it. */
  private void refuseFeatures() {
    features.removeIf(name -> XsaveArea.follows(name, features));
    if (features.isEmpty()) {
      return;
    }
    List<String> theirs = new ArrayList<>();
    List<String> mine = new ArrayList<>();
    words.forEach(
        (place, values) -> {
          theirs.add(place + " " + values[0]);
          mine.add(place + " " + values[1]);
        });
    String named = String.join(", ", features.subList(0, Math.min(MAX_NAMED, features.size())));
    String more =
        features.size() > MAX_NAMED ? " and " + (features.size() - MAX_NAMED) + " more" : "";
    differences.addFirst(
        "CPU feature %s%s: source has %s, destination has %s"
            .formatted(named, more, String.join(", ", theirs), String.join(", ", mine)));
  }

  private void compareWidths() {
    int theirs = source.physicalAddressBits();
    int mine = here.physicalAddressBits();
    if (theirs > mine) {
      differs("CPU physical address bits", theirs, mine);
    }
    int theirLinear = linearAddressBits(source);
    int myLinear = linearAddressBits(here);
    if (theirLinear > myLinear) {
      differs("CPU linear address bits", theirLinear, myLinear);
    }
  }

  private static int linearAddressBits(CpuProfile profile) {
    return profile.cpuid().find(0x80000008, 0).map(e -> e.eax() >>> 8 & 0xff).orElse(0);
  }

  private void compareMsrs() {
    source
        .featureMsrs()
        .forEach(
            (index, value) -> {
              long mine = here.featureMsrs().getOrDefault(index, 0L);
              if (!FeatureMsrs.isKnown(index)) {
                differs("feature MSR 0x%x".formatted(index), "it", "no such feature MSR");
              }
              FeatureMsrs.missing(index, value, mine)
                  .ifPresent(
                      names ->
                          differs(
                              "MSR 0x%x %s".formatted(index, names),
                              "0x" + Long.toHexString(value),
                              "0x" + Long.toHexString(mine)));
            });
    List<String> unknown =
        source.msrs().stream()
            .filter(msr -> !here.msrs().contains(msr))
            .limit(MAX_NAMED)
            .map("0x%x"::formatted)
            .toList();
    if (!unknown.isEmpty()) {
      differs("MSR " + String.join(", ", unknown), "it as a part of the state", "no such MSR");
    }
  }
}
