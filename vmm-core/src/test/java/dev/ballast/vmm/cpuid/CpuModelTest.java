package dev.ballast.vmm.cpuid;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.kvm.CpuidTable;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CpuModelTest {
  private static CpuProfile offer(CpuModel model, CpuProfile host) {
    try {
      return model.offer(host);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean has(CpuProfile profile, String feature) {
    return CpuFeatures.get(feature).isIn(profile.cpuid());
  }

  @ParameterizedTest
  @EnumSource
  void whatKeepsAGuestFromMovingIsLeftOut(LeftOut group) {
    CpuProfile offered = offer(CpuModel.HOST, Profiles.everything());
    for (CpuFeature feature : group.features()) {
      assertThat(feature.isIn(Profiles.everything().cpuid())).as(feature.name()).isTrue();
      assertThat(feature.isIn(offered.cpuid())).as(feature.name()).isFalse();
    }
  }

  /** They left out nested virtualisation only, and their guests still have to arrive. */
  @Test
  void guestsOfOlderVersionsHaveAllButNestedVirtualisation() throws IOException {
    CpuProfile older = CpuModel.HOST.offerOfOlderVersions(Profiles.everything());
    for (LeftOut group : LeftOut.values()) {
      for (CpuFeature feature : group.features()) {
        assertThat(feature.isIn(older.cpuid()))
            .as(feature.name())
            .isEqualTo(group != LeftOut.NESTED);
      }
    }
  }

  /** The leaves that say more about what is left out, and the MSRs that belong to it. */
  @Test
  void nothingOfWhatIsLeftOutRemains() {
    CpuProfile offered = offer(CpuModel.HOST, Profiles.everything());
    for (int leaf : new int[] {0xa, 0x14, 0x8000000a, 0x8000001f, 0x80000022}) {
      assertThat(offered.cpuid().find(leaf, 0)).as("leaf 0x%x", leaf).isEmpty();
    }
    assertThat(offered.msrs()).containsExactly(0x10, 0x10a, 0x174, 0xc0000103);
    assertThat(offered.featureMsrs()).containsOnlyKeys(0x10a);
  }

  @Test
  void allElseOfTheHostIsOffered() {
    CpuProfile offered = offer(CpuModel.HOST, Profiles.everything());
    List<CpuFeature> out =
        List.of(LeftOut.values()).stream().flatMap(g -> g.features().stream()).toList();
    for (CpuFeature feature : CpuFeatures.all()) {
      boolean follows = List.of("xfd", "intel_pt_cr3_filter").contains(feature.name());
      assertThat(feature.isIn(offered.cpuid()))
          .as(feature.name())
          .isEqualTo(!out.contains(feature) && !follows);
    }
    assertThat(offered.cpuid().find(0x1, 0).orElseThrow().eax()).isEqualTo(0x806f8);
  }

  @Test
  void aUserMayHaveThemAddedWhereTheGuestCanStillMove() {
    CpuModel model = CpuModel.HOST.with(List.of("+invtsc", "+PMU", "+waitpkg"));
    CpuProfile offered = offer(model, Profiles.everything());
    assertThat(has(offered, "invtsc")).isTrue();
    assertThat(has(offered, "pmu")).isTrue();
    assertThat(offered.msrs()).contains(0xe1);
    for (String never : List.of("vmx", "svm", "amx-tile", "sgx", "shstk", "ibt", "sev")) {
      assertThatThrownBy(() -> CpuModel.HOST.with(List.of("+" + never)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("is never offered: ");
    }
    assertThatThrownBy(() -> CpuModel.HOST.with(List.of("+vmx")))
        .hasMessage("vmx is never offered: the state of a guest's own guests is not saved");
  }

  @Test
  void whatTheHostLacksCannotBeAdded() {
    CpuModel model = CpuModel.HOST.with(List.of("+waitpkg"));
    assertThatThrownBy(() -> model.offer(Profiles.of("fpu")))
        .isInstanceOf(IOException.class)
        .hasMessage("CPU feature waitpkg: was asked for, and this host's KVM does not offer it");
  }

  @Test
  void anUnknownNameIsRefusedWithThoseThatAreLikeIt() {
    assertThatThrownBy(() -> CpuModel.HOST.with(List.of("+avx521f")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("there is no CPU feature 'avx521f'; did you mean avx512f");
    assertThatThrownBy(() -> CpuModel.HOST.with(List.of("-qqqqqqqqq")))
        .hasMessage("there is no CPU feature 'qqqqqqqqq'");
    assertThatThrownBy(() -> CpuModel.HOST.with(List.of("avx")))
        .hasMessage("'avx' is neither +FEATURE nor -FEATURE");
  }

  @Test
  void whatNeedsARemovedFeatureGoesWithIt() {
    CpuProfile offered = offer(CpuModel.HOST.with(List.of("-avx512f")), Profiles.everything());
    assertThat(has(offered, "avx512bw")).isFalse();
    assertThat(has(offered, "avx2")).isTrue();
    CpuidTable.Entry xsave = offered.cpuid().find(0xd, 0).orElseThrow();
    assertThat(xsave.eax()).isEqualTo(0x21f);
    assertThat(offered.cpuid().find(0xd, 6)).isEmpty();
    assertThat(xsave.ecx()).as("size, with PKRU behind").isEqualTo(2696);
    CpuProfile narrow =
        offer(CpuModel.HOST.with(List.of("-avx512f", "-pku", "-mpx")), Profiles.everything());
    xsave = narrow.cpuid().find(0xd, 0).orElseThrow();
    assertThat(xsave.eax()).isEqualTo(7);
    assertThat(xsave.ecx()).isEqualTo(832);
    CpuProfile none = offer(CpuModel.HOST.with(List.of("-xsave")), Profiles.everything());
    assertThat(none.cpuid().find(0xd, 0)).isEmpty();
    assertThat(has(none, "avx")).isFalse();
    assertThat(has(none, "avx512f")).isFalse();
  }

  @Test
  void aLevelKeepsWhatItsProcessorsHave() {
    CpuProfile v3 = offer(CpuLevel.V3.model(), Profiles.everything());
    for (String name : List.of("avx2", "bmi2", "fma", "abm", "sse4_2", "lm", "aes", "kvmclock")) {
      assertThat(has(v3, name)).as(name).isTrue();
    }
    for (String name : List.of("avx512f", "pku", "la57", "arch_capabilities", "rtm", "gfni")) {
      assertThat(has(v3, name)).as(name).isFalse();
    }
    assertThat(v3.cpuid().find(0, 0).orElseThrow().eax()).isEqualTo(0xd);
    assertThat(v3.cpuid().find(0x80000000, 0).orElseThrow().eax()).isEqualTo(0x8000001e);
    assertThat(v3.physicalAddressBits()).isEqualTo(46);
    assertThat(v3.featureMsrs()).isEmpty();
    assertThat(v3.msrs()).doesNotContain(0x10a);
    CpuProfile more =
        offer(CpuLevel.V3.model().with(List.of("+pcid", "-aes")), Profiles.everything());
    assertThat(has(more, "pcid")).isTrue();
    assertThat(has(more, "aes")).isFalse();
  }

  @Test
  void aHostWithoutALevelRefusesIt() {
    CpuProfile v3 = offer(CpuLevel.V3.model(), Profiles.everything());
    assertThatThrownBy(() -> CpuLevel.V4.model().offer(v3))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "CPU feature avx512f, avx512bw, avx512cd, avx512dq, avx512vl: is part of CPU model"
                + " x86-64-v4, and this host's KVM does not offer it");
  }

  @Test
  void aBaselineOfAnotherVendorIsRefused() {
    CpuBaseline common = CpuBaseline.common(List.of(Profiles.everything()));
    CpuBaseline other = CpuBaseline.parse(common.text().replace("GenuineIntel", "AuthenticAMD"));
    CpuModel model = new CpuModel("fleet.txt", Optional.of(other), List.of(), List.of());
    assertThatThrownBy(() -> model.offer(Profiles.everything()))
        .hasMessage(
            "CPU model fleet.txt is for AuthenticAMD, and this host's processor is GenuineIntel");
  }

  /** A baseline's MSRs promise no more than each host keeps; warnings are those of any. */
  @Test
  void featureMsrsOfABaselineAreOffered() throws IOException {
    CpuProfile a = Profiles.withFeatureMsr(Profiles.everything(), 0x10a, 0b1_0000_0001);
    CpuProfile b = Profiles.withFeatureMsr(Profiles.everything(), 0x10a, 0b1_0000_0110);
    CpuBaseline common = CpuBaseline.common(List.of(a, b));
    assertThat(common.featureMsrs()).containsEntry(0x10a, 0b1_0000_0100L);
    CpuModel model = new CpuModel("f", Optional.of(common), List.of(), List.of());
    assertThat(model.offer(a).featureMsrs()).containsEntry(0x10a, 0b1_0000_0100L);
  }

  @Test
  void aModelTakesAwayOnlyOnce() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 100; round++) {
      CpuProfile host = Profiles.random(random);
      CpuBaseline baseline = CpuBaseline.common(List.of(host, Profiles.random(random)));
      for (CpuModel model :
          List.of(CpuModel.HOST, new CpuModel("f", Optional.of(baseline), List.of(), List.of()))) {
        CpuProfile once = offer(model, host);
        assertThat(offer(model, once)).isEqualTo(once);
        assertThat(CpuComparison.refusal(once, host)).as("a part of what the host has").isEmpty();
      }
    }
  }
}
