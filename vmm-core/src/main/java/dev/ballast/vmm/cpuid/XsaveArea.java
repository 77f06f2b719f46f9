package dev.ballast.vmm.cpuid;

import static dev.ballast.vmm.cpuid.CpuidRegister.EAX;
import static dev.ballast.vmm.cpuid.CpuidRegister.ECX;
import static dev.ballast.vmm.cpuid.CpuidRegister.EDX;

import dev.ballast.ffi.kvm.CpuidTable;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The state components of XSAVE, as leaf 0xd lists them (Intel SDM 1, chapter 13). */
final class XsaveArea {
  static final int LEAF = 0xd;
  static final CpuFeature FEATURE = CpuFeatures.get("xsave");

  /** The legacy region and the header, which are always there. */
  private static final int LEAST_BYTES = 512 + 64;

  private static final int COMPONENTS = 63;
  private static final String NAME = "xsave_component_";

  private XsaveArea() {}

  /** The features whose registers a component holds; empty for one that is always there. */
  private static List<CpuFeature> users(int component) {
    return switch (component) {
      case 2 -> CpuFeatures.list("avx");
      case 3, 4 -> CpuFeatures.list("mpx");
      case 5, 6, 7 -> CpuFeatures.list("avx512f");
      case 8 -> CpuFeatures.list("intel_pt");
      case 9 -> CpuFeatures.list("pku");
      case 10 -> CpuFeatures.list("enqcmd");
      case 11, 12 -> CpuFeatures.list("shstk ibt");
      case 14 -> CpuFeatures.list("uintr");
      case 15 -> CpuFeatures.list("arch_lbr");
      case 17, 18 -> CpuFeatures.list("amx_tile");
      case 19 -> CpuFeatures.list("apxf");
      default -> List.of();
    };
  }

  /**
   * Takes out the leaf if XSAVE is not offered, else the components that no feature needs, and
   * makes the area as large as the rest.
   */
  static void trim(CpuidEditor editor) {
    if (!editor.has(FEATURE)) {
      editor.removeLeaf(LEAF);
      return;
    }
    boolean trimmed = false;
    for (int component = 2; component < COMPONENTS; component++) {
      List<CpuFeature> users = users(component);
      if (!users.isEmpty() && !hasAny(editor, users)) {
        trimmed |= remove(editor, component);
      }
    }
    if (trimmed) {
      editor.set(LEAF, 0, ECX, size(editor));
    }
  }

  private static boolean hasAny(CpuidEditor editor, List<CpuFeature> features) {
    for (CpuFeature feature : features) {
      if (editor.has(feature)) {
        return true;
      }
    }
    return false;
  }

  private static boolean remove(CpuidEditor editor, int component) {
    int bit = ~(1 << component);
    CpuidRegister user = component < 32 ? EAX : EDX;
    CpuidRegister supervisor = component < 32 ? ECX : EDX;
    boolean isThere = editor.find(LEAF, component).isPresent();
    editor.and(LEAF, 0, user, bit);
    editor.and(LEAF, 1, supervisor, bit);
    if (isThere) {
      editor.remove(e -> e.function() == LEAF && e.index() == component);
    }
    return isThere;
  }

  /** Returns how many bytes all user components take in the standard format. */
  private static int size(CpuidEditor editor) {
    int size = LEAST_BYTES;
    long components =
        Integer.toUnsignedLong(editor.get(LEAF, 0, EAX)) | (long) editor.get(LEAF, 0, EDX) << 32;
    for (int component = 2; component < COMPONENTS; component++) {
      Optional<CpuidTable.Entry> entry = editor.find(LEAF, component);
      if (entry.isPresent() && (components >>> component & 1) != 0) {
        size = Math.max(size, entry.get().ebx() + entry.get().eax());
      }
    }
    return size;
  }

  /** Returns the features whose components lie elsewhere, or are of another size, in two tables. */
  static Set<CpuFeature> differing(CpuidTable a, CpuidTable b) {
    Set<CpuFeature> features = new LinkedHashSet<>();
    for (int component = 2; component < COMPONENTS; component++) {
      Optional<CpuidTable.Entry> one = a.find(LEAF, component);
      Optional<CpuidTable.Entry> other = b.find(LEAF, component);
      if (one.isPresent() && other.isPresent() && !isSame(one.get(), other.get())) {
        features.addAll(users(component));
      }
    }
    return features;
  }

  /** Returns whether a component is at the same place, of the same size and kind. */
  static boolean isSame(CpuidTable.Entry one, CpuidTable.Entry other) {
    return one.eax() == other.eax() && one.ebx() == other.ebx() && one.ecx() == other.ecx();
  }

  /**
   * Returns the component that a bit of sub-leaf 0 or 1 stands for, or -1 if it stands for none.
   */
  static int component(int subleaf, CpuidRegister register, int bit) {
    return switch (register) {
      case EAX -> subleaf == 0 ? bit : -1;
      case EBX -> -1;
      case ECX -> subleaf == 1 ? bit : -1;
      case EDX -> bit + 32;
    };
  }

  /** Returns what a component is called where it is missing. */
  static String name(int component) {
    return NAME + component;
  }

  /** Returns whether a missing component is no wonder, because what it is for is missing too. */
  static boolean follows(String name, List<String> missing) {
    return name.startsWith(NAME)
        && users(Integer.parseInt(name.substring(NAME.length()))).stream()
            .map(CpuFeature::name)
            .anyMatch(missing::contains);
  }
}
