package dev.ballast.vmm.cpuid;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The features that make no sense without another. */
final class FeatureNeeds {
  /**
   * @param needed the feature
   * @param dependents those that go with it
   */
  private record Need(CpuFeature needed, List<CpuFeature> dependents) {}

  /** Ordered, so that what goes takes along what needs it in turn. */
  private static final List<Need> NEEDS = new ArrayList<>();

  static {
    need("xsave", "xsaveopt xsavec xgetbv1 xsaves xfd avx pku mpx amx_tile");
    need("avx", "avx2 fma f16c xop fma4 vaes vpclmulqdq avx_vnni avx512f");
    need("avx2", "avx512f avx_ifma avx_vnni_int8 avx_vnni_int16 avx_ne_convert");
    need(
        "avx512f",
        "avx512dq avx512ifma avx512pf avx512er avx512cd avx512bw avx512vl avx512vbmi avx512_vbmi2"
            + " avx512_vnni avx512_bitalg avx512_vpopcntdq avx512_4vnniw avx512_4fmaps"
            + " avx512_vp2intersect avx512_bf16 avx512_fp16 avx10");
    need("amx_tile", "amx_int8 amx_bf16 amx_fp16 amx_complex xfd");
    need("intel_pt", "intel_pt_cr3_filter");
    need("pdcm", "arch_lbr");
  }

  private FeatureNeeds() {}

  private static void need(String needed, String dependents) {
    NEEDS.add(new Need(CpuFeatures.get(needed), CpuFeatures.list(dependents)));
  }

  /** Clears the features that need one that is not there. */
  static void clear(CpuidEditor editor) {
    for (Need need : NEEDS) {
      if (!editor.has(need.needed)) {
        for (CpuFeature dependent : need.dependents) {
          editor.clear(dependent);
        }
      }
    }
  }

  /** Removes the features that need one that is not there. */
  static void clear(Set<CpuFeature> features) {
    for (Need need : NEEDS) {
      if (!features.contains(need.needed)) {
        need.dependents.forEach(features::remove);
      }
    }
  }
}
