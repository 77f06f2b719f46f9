package dev.ballast.vmm.cpuid;

import static dev.ballast.vmm.cpuid.CpuidRegister.EAX;

import dev.ballast.ffi.kvm.CpuidTable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;

/**
 * What is taken away from what a host's KVM can offer: all that is {@link LeftOut}; with a baseline
 * what is not in that; and what a user names. Vendor, family, model, name and caches stay the
 * host's. Immutable.
 *
 * @param name {@code host}, a level, or the file that the baseline came from
 * @param baseline what is offered at most; empty for all that the host has
 * @param added offered beyond that
 * @param removed not offered
 */
public record CpuModel(
    String name, Optional<CpuBaseline> baseline, List<CpuFeature> added, List<CpuFeature> removed) {
  /** The name of the model without a baseline. */
  public static final String HOST_NAME = "host";

  /** All that the host can offer but what is left out. */
  public static final CpuModel HOST =
      new CpuModel(HOST_NAME, Optional.empty(), List.of(), List.of());

  private static final int LEAF_EXTENDED = 0x80000000;
  private static final int LEAF_ADDRESSES = 0x80000008;
  private static final int LINEAR_BITS_4_LEVELS = 48;

  /** The features that AMD repeats in leaf 0x80000001: fpu to apic, mtrr to pse36, mmx, fxsr. */
  private static final int REPEATED = 0x0183f3ff;

  /** The leaves that describe one feature. */
  private static final Map<Integer, String> LEAF_OF =
      Map.ofEntries(
          Map.entry(0xa, "pmu"),
          Map.entry(0x12, "sgx"),
          Map.entry(0x14, "intel_pt"),
          Map.entry(0x1c, "arch_lbr"),
          Map.entry(0x1d, "amx_tile"),
          Map.entry(0x1e, "amx_tile"),
          Map.entry(0x23, "arch_perfmon_ext"),
          Map.entry(0x24, "avx10"),
          Map.entry(0x29, "apxf"),
          Map.entry(0x8000000a, "svm"),
          Map.entry(0x8000001b, "ibs"),
          Map.entry(0x8000001f, "sev"),
          Map.entry(0x80000022, "perfmon_v2"));

  /** Takes immutable copies. */
  public CpuModel {
    added = List.copyOf(added);
    removed = List.copyOf(removed);
  }

  /**
   * Returns this model with features added and removed.
   *
   * @param changes {@code +NAME} or {@code -NAME} each
   * @throws IllegalArgumentException if a word is neither, a name is unknown, or a feature can
   *     never be offered
   */
  public CpuModel with(List<String> changes) {
    List<CpuFeature> plus = new ArrayList<>(added);
    List<CpuFeature> minus = new ArrayList<>(removed);
    for (String change : changes) {
      if (change.startsWith("+")) {
        plus.add(addable(feature(change.substring(1))));
      } else if (change.startsWith("-")) {
        minus.add(feature(change.substring(1)));
      } else {
        throw new IllegalArgumentException("'" + change + "' is neither +FEATURE nor -FEATURE");
      }
    }
    return new CpuModel(name, baseline, plus, minus);
  }

  /**
   * Returns the feature with a name.
   *
   * @throws IllegalArgumentException if there is none; the message has those that are written like
   *     it
   */
  static CpuFeature feature(String name) {
    return CpuFeatures.find(name)
        .orElseThrow(
            () -> {
              List<String> nearest = CpuFeatures.nearest(name);
              return new IllegalArgumentException(
                  "there is no CPU feature '"
                      + name
                      + "'"
                      + (nearest.isEmpty()
                          ? ""
                          : "; did you mean " + String.join(" or ", nearest) + "?"));
            });
  }

  private static CpuFeature addable(CpuFeature feature) {
    for (LeftOut group : LeftOut.values()) {
      if (!group.isAddable() && group.features().contains(feature)) {
        throw new IllegalArgumentException(
            "%s is never offered: %s".formatted(feature.name(), group.reason()));
      }
    }
    return feature;
  }

  /**
   * Returns what a guest is offered on a host.
   *
   * @param host what its KVM can offer
   * @throws IOException if the host lacks a feature that was added or that the baseline must have,
   *     or is of another vendor
   */
  public CpuProfile offer(CpuProfile host) throws IOException {
    return offer(host, List.of(LeftOut.values()));
  }

  /**
   * Returns what a guest may have been offered by versions of this program that do not say it
   * (before version 6 of the migration protocol): all but nested virtualisation.
   *
   * @param host what its KVM can offer
   * @throws IOException as {@link #offer}
   */
  public CpuProfile offerOfOlderVersions(CpuProfile host) throws IOException {
    return offer(host, List.of(LeftOut.NESTED));
  }

  private CpuProfile offer(CpuProfile host, List<LeftOut> leftOut) throws IOException {
    CpuidEditor editor = new CpuidEditor(host.cpuid());
    if (baseline.isPresent()) {
      check(baseline.get(), host);
      keepOnly(editor, baseline.get());
    }
    lacking(host, added, "was asked for, and this host's KVM does not offer it");
    for (LeftOut group : leftOut) {
      for (CpuFeature feature : group.features()) {
        if (!added.contains(feature)) {
          editor.clear(feature);
        }
      }
    }
    for (CpuFeature feature : removed) {
      editor.clear(feature);
    }
    FeatureNeeds.clear(editor);
    for (Map.Entry<Integer, String> leaf : LEAF_OF.entrySet()) {
      if (!editor.has(CpuFeatures.get(leaf.getValue()))) {
        editor.removeLeaf(leaf.getKey());
      }
    }
    if (XsaveArea.FEATURE.isIn(host.cpuid())) {
      XsaveArea.trim(editor);
    }
    trimLinearAddresses(editor);
    CpuidTable table = editor.table();
    CpuProfile offered =
        new CpuProfile(table, msrs(host, table), host.featureMsrs(), host.stateSizes());
    Map<Integer, Long> featureMsrs = FeatureMsrs.offered(offered);
    if (baseline.isPresent()) {
      FeatureMsrs.limit(featureMsrs, baseline.get().featureMsrs());
    }
    return new CpuProfile(table, offered.msrs(), featureMsrs, offered.stateSizes());
  }

  private List<Integer> msrs(CpuProfile host, CpuidTable table) {
    List<Integer> seen = GuestMsrs.seen(host.msrs(), table);
    if (baseline.isPresent() && !baseline.get().stateMsrs().isEmpty()) {
      seen.removeIf(msr -> !baseline.get().stateMsrs().contains(msr));
    }
    return seen;
  }

  private void check(CpuBaseline most, CpuProfile host) throws IOException {
    if (most.vendor().isPresent() && !most.vendor().get().equals(host.vendor())) {
      throw new IOException(
          "CPU model %s is for %s, and this host's processor is %s"
              .formatted(name, most.vendor().get(), host.vendor()));
    }
    Set<CpuFeature> needed = new LinkedHashSet<>(most.required());
    removed.forEach(needed::remove);
    lacking(
        host, needed, "is part of CPU model " + name + ", and this host's KVM does not offer it");
  }

  private static void lacking(CpuProfile host, Collection<CpuFeature> needed, String why)
      throws IOException {
    StringJoiner missing = new StringJoiner(", ");
    for (CpuFeature feature : needed) {
      if (!feature.isIn(host.cpuid())) {
        missing.add(feature.name());
      }
    }
    if (missing.length() > 0) {
      throw new IOException("CPU feature " + missing + ": " + why);
    }
  }

  private void keepOnly(CpuidEditor editor, CpuBaseline most) {
    for (CpuFeatures.Word word : CpuFeatures.words()) {
      int mask = 0;
      for (CpuFeature feature : CpuFeatures.all()) {
        boolean isHere =
            feature.leaf() == word.leaf()
                && feature.subleaf() == word.subleaf()
                && feature.register() == word.register();
        if (isHere && (most.features().contains(feature) || added.contains(feature))) {
          mask |= feature.mask();
        }
      }
      mask |= repeated(word, most);
      editor.and(word.leaf(), word.subleaf(), word.register(), mask);
    }
    limit(editor, 0, most.maxLeaf());
    limit(editor, LEAF_EXTENDED, most.maxExtendedLeaf());
    int addresses = editor.get(LEAF_ADDRESSES, 0, EAX);
    int bits = Math.min(addresses & 0xff, most.addressBits());
    editor.set(LEAF_ADDRESSES, 0, EAX, (addresses & ~0xff00ff) | bits);
  }

  /** AMD repeats features of leaf 1 in leaf 0x80000001, where they have no names of their own. */
  private static int repeated(CpuFeatures.Word word, CpuBaseline most) {
    if (word.leaf() != 0x80000001 || word.register() != CpuidRegister.EDX) {
      return 0;
    }
    int mask = 0;
    for (CpuFeature feature : most.features()) {
      if (feature.leaf() == 1 && feature.register() == CpuidRegister.EDX) {
        mask |= feature.mask() & REPEATED;
      }
    }
    return mask;
  }

  private static void limit(CpuidEditor editor, int base, int most) {
    int highest = editor.get(base, 0, EAX);
    if (Integer.compareUnsigned(highest, most) > 0) {
      editor.set(base, 0, EAX, most);
    }
    editor.remove(
        e ->
            (e.function() & 0xffff0000) == base && Integer.compareUnsigned(e.function(), most) > 0);
  }

  private static void trimLinearAddresses(CpuidEditor editor) {
    if (!editor.has(CpuFeatures.get("la57"))) {
      int addresses = editor.get(LEAF_ADDRESSES, 0, EAX);
      int bits = Math.min(addresses >>> 8 & 0xff, LINEAR_BITS_4_LEVELS);
      editor.set(LEAF_ADDRESSES, 0, EAX, (addresses & ~0xff00) | bits << 8);
    }
  }
}
