package dev.ballast.vmm.cpuid;

import static dev.ballast.vmm.cpuid.CpuidRegister.EAX;
import static dev.ballast.vmm.cpuid.CpuidRegister.EBX;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.kvm.CpuidTable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpuComparisonTest {
  private static final CpuProfile ALL = offered(Profiles.everything());

  private static CpuProfile offered(CpuProfile host) {
    try {
      return CpuModel.HOST.offer(host);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static CpuProfile with(int leaf, int subleaf, CpuidRegister register, int value) {
    CpuidEditor editor = new CpuidEditor(ALL.cpuid());
    editor.set(leaf, subleaf, register, value);
    return Profiles.withCpuid(ALL, editor.table());
  }

  @Test
  void aFeatureThatTheDestinationLacksIsNamedWithBothValues() {
    CpuProfile here = Profiles.without(ALL, EBX, 7, 0, 1 << 16);
    int theirs = EBX.of(ALL.cpuid().find(7, 0).orElseThrow());
    assertThat(CpuComparison.refusal(ALL, here))
        .contains(
            "CPU feature avx512f: source has 0x7.0 ebx 0x%08x, destination has 0x7.0 ebx 0x%08x"
                .formatted(theirs, theirs & ~(1 << 16)));
    assertThat(CpuComparison.refusal(here, ALL)).as("the other way").isEmpty();
  }

  /** Whatever bit it is: what has a name is named by it, and nothing else is. */
  @Test
  void eachBitThatIsMissingIsRefusedByItsName() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 30; round++) {
      CpuProfile source = offered(Profiles.random(random));
      assertThat(CpuComparison.refusal(source, source)).as("itself").isEmpty();
      for (CpuFeature feature : CpuFeatures.all()) {
        if (!feature.isIn(source.cpuid()) || feature.name().equals("ht")) {
          continue;
        }
        CpuProfile here =
            Profiles.without(
                source, feature.register(), feature.leaf(), feature.subleaf(), feature.mask());
        assertThat(CpuComparison.refusal(source, here))
            .as(feature.name())
            .hasValueSatisfying(
                refusal ->
                    assertThat(refusal)
                        .startsWith("CPU feature " + feature.name() + ": source has "));
        assertThat(CpuComparison.refusal(here, source)).isEmpty();
      }
    }
  }

  @Test
  void whatHostsHaveInCommonMovesBetweenThemBothWays() throws IOException {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 100; round++) {
      List<CpuProfile> hosts = new ArrayList<>();
      for (int i = 2 + random.nextInt(3); i > 0; i--) {
        hosts.add(Profiles.random(random));
      }
      CpuBaseline common = CpuBaseline.parse(CpuBaseline.common(hosts).text());
      CpuModel model = new CpuModel("fleet", Optional.of(common), List.of(), List.of());
      for (CpuProfile from : hosts) {
        for (CpuProfile to : hosts) {
          assertThat(CpuComparison.refusal(model.offer(from), model.offer(to))).isEmpty();
          assertThat(CpuComparison.refusal(model.offer(from), offered(to))).isEmpty();
        }
      }
    }
  }

  @Test
  void bitsWithoutANameAreComparedToo() {
    CpuProfile source = with(7, 1, EBX, 1 << 31);
    assertThat(CpuComparison.refusal(source, ALL))
        .contains(
            "CPU feature 0x7.1.ebx[31]: source has 0x7.1 ebx 0x80000000, destination has 0x7.1"
                + " ebx 0x00000000");
    List<CpuidTable.Entry> entries = new ArrayList<>(ALL.cpuid().entries());
    entries.add(new CpuidTable.Entry(0x21, 0, 0, 0, 0, 4, 0));
    assertThat(CpuComparison.refusal(Profiles.withCpuid(ALL, new CpuidTable(entries)), ALL))
        .hasValueSatisfying(r -> assertThat(r).startsWith("CPU feature 0x21.0.ecx[2]: "));
  }

  @Test
  void vendorsMustBeTheSame() {
    assertThat(CpuComparison.refusal(with(0, 0, EBX, 0x1b756e65), ALL))
        .contains("CPU vendor: source has enu?ineIntel, destination has GenuineIntel");
  }

  @Test
  void addressesMustNotBeWider() {
    assertThat(CpuComparison.refusal(with(0x80000008, 0, EAX, 0x3034), ALL))
        .contains("CPU physical address bits: source has 52, destination has 46");
    assertThat(CpuComparison.refusal(ALL, with(0x80000008, 0, EAX, 0x3934))).isEmpty();
    assertThat(CpuComparison.refusal(with(0x80000008, 0, EAX, 0x392e), ALL))
        .contains("CPU linear address bits: source has 57, destination has 48");
  }

  /** A guest keeps its registers where its processor said. */
  @Test
  void xsaveComponentsMustBeWhereTheyWere() {
    assertThat(CpuComparison.refusal(ALL, with(0xd, 9, EBX, 2432)))
        .contains("XSAVE component 9: source has 8 bytes at 2688, destination has 8 bytes at 2432");
  }

  @ParameterizedTest
  @CsvSource({"1, EAX", "2, EAX", "4, EAX", "0x0, EAX", "0x80000000, EAX", "0x80000002, EBX"})
  void whatOnlyDescribesNeedNotAgree(String leaf, CpuidRegister register) {
    int function = Integer.parseUnsignedInt(leaf.replace("0x", ""), 16);
    List<CpuidTable.Entry> entries = new ArrayList<>(ALL.cpuid().entries());
    entries.removeIf(e -> e.function() == function);
    ALL.cpuid().entries().stream()
        .filter(e -> e.function() == function)
        .forEach(e -> entries.add(register.with(e, ~register.of(e))));
    assertThat(CpuComparison.refusal(Profiles.withCpuid(ALL, new CpuidTable(entries)), ALL))
        .isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "0x1, 0x0, 'MSR 0x10a rdctl_no: source has 0x1, destination has 0x0'",
    "0x110, 0x100, 'MSR 0x10a ssb_no: source has 0x110, destination has 0x100'",
    "0x4000000000000000, 0x1, 'MSR 0x10a its_no: source has 0x4000000000000000, destination has"
        + " 0x1'",
    // Warnings, and what an immune processor need not be able to do.
    "0x80004, 0x0, ''",
    "0x20000, 0xe000, ''",
    "0x20000, 0x6000, 'MSR 0x10a fb_clear: source has 0x20000, destination has 0x6000'",
    "0x10000000, 0x8000000, ''"
  })
  void aGuestStaysAsSafeAsItWasTold(String source, String here, String refusal) {
    assertThat(
            CpuComparison.refusal(
                Profiles.withFeatureMsr(ALL, 0x10a, Long.decode(source)),
                Profiles.withFeatureMsr(ALL, 0x10a, Long.decode(here))))
        .isEqualTo(refusal.isEmpty() ? Optional.empty() : Optional.of(refusal));
  }

  /** It would be set on the vCPUs. */
  @Test
  void anMsrThatPromisesNothingIsRefusedWhateverItsValue() {
    assertThat(CpuComparison.refusal(Profiles.withFeatureMsr(ALL, 0x12345678, 0), ALL))
        .contains("feature MSR 0x12345678: source has it, destination has no such feature MSR");
    assertThat(CpuComparison.refusal(Profiles.withFeatureMsr(ALL, 0xc0000080, 0), ALL)).isPresent();
  }

  @Test
  void msrsAndSizesOfTheStateMustBeLoadable() {
    CpuProfile unknown =
        new CpuProfile(ALL.cpuid(), List.of(0x10, 0x999), Map.of(), Map.of("XSAVE", 8192));
    assertThat(CpuComparison.refusal(unknown, ALL))
        .contains("MSR 0x999: source has it as a part of the state, destination has no such MSR");
    CpuProfile large = new CpuProfile(ALL.cpuid(), List.of(), Map.of(), Map.of("XSAVE", 8192));
    assertThat(CpuComparison.refusal(large, ALL))
        .contains("vCPU state XSAVE: source has 8192 bytes, destination has 4096 bytes");
  }
}
