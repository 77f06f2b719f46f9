package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.vmm.cpuid.CpuFeatureWord;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MachineDescriptionTest {
  private static final List<String> DEVICES = List.of("vcpu0", "serial0");

  private static MachineDescription machine(CpuFeatureWord... features) {
    return new MachineDescription(1L << 40, 4096, 2, DEVICES, List.of(features));
  }

  private static CpuFeatureWord ecx(int bits) {
    return new CpuFeatureWord(1, 0, "ecx", bits);
  }

  @Test
  void equalMachinesAcceptEachOther() {
    assertThat(machine(ecx(3)).refusal(machine(ecx(3)))).isEmpty();
  }

  @Test
  void destinationMayHaveMoreFeaturesButNotFewer() {
    assertThat(machine(ecx(7)).refusal(machine(ecx(3)))).isEmpty();
    assertThat(machine(ecx(3)).refusal(machine(ecx(7))))
        .contains("CPUID 0x1.0 ecx: source has 0x00000007, destination has 0x00000003");
    assertThat(machine().refusal(machine(ecx(1 << 30))))
        .contains("CPUID 0x1.0 ecx: source has 0x40000000, destination has 0x00000000");
    assertThat(machine().refusal(machine(ecx(1 << 31 | 1 << 24))))
        .as("what every machine offers, whether KVM lists it or not")
        .isEmpty();
    assertThat(machine(new CpuFeatureWord(1, 0, "edx", 7)).refusal(machine(ecx(7))))
        .as("another register")
        .isPresent();
    assertThat(machine().refusal(machine(ecx(0)))).isEmpty();
  }

  @Test
  void everyOtherFieldMustBeEqual() {
    MachineDescription here = machine();
    List<CpuFeatureWord> none = List.of();
    assertThat(here.refusal(new MachineDescription(1L << 39, 4096, 2, DEVICES, none)))
        .contains("memory: source has 549755813888 bytes, destination has 1099511627776 bytes");
    assertThat(here.refusal(new MachineDescription(1L << 40, 65536, 2, DEVICES, none)))
        .hasValueSatisfying(reason -> assertThat(reason).startsWith("page size"));
    assertThat(here.refusal(new MachineDescription(1L << 40, 4096, 3, DEVICES, none)))
        .contains("vCPU count: source has 3, destination has 2");
    Optional<String> order =
        here.refusal(new MachineDescription(1L << 40, 4096, 2, List.of("serial0", "vcpu0"), none));
    assertThat(order).hasValueSatisfying(reason -> assertThat(reason).startsWith("device list"));
  }

  @Test
  void aRefusalDoesNotRepeatAllThatAPeerSays() {
    List<String> many = Collections.nCopies(4096, "x".repeat(200));
    MachineDescription source =
        new MachineDescription(1L << 40, 4096, 2, many, List.of(), List.of(), List.of());
    assertThat(machine().refusal(source).orElse(""))
        .startsWith("device list: source has [xxx")
        .contains("… (827392 characters), destination has [")
        .hasSizeLessThan(2500);
  }
}
