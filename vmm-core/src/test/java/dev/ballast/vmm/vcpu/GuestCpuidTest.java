package dev.ballast.vmm.vcpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.vmm.machine.MachineDescription;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuestCpuidTest {
  private static final int VMX = 1 << 5;
  private static final int SVM = 1 << 2;

  /** Leaf 1, the extended features, and what SVM can do, with all bits that there are. */
  private static final CpuidTable EVERYTHING =
      new CpuidTable(
          List.of(
              new CpuidTable.Entry(0x1, 0, 0, 0x00a2_0f12, 0, -1, -1),
              new CpuidTable.Entry(0x8000_0001, 0, 0, 0x00a2_0f12, 0x4000_0000, -1, -1),
              new CpuidTable.Entry(0x8000_000a, 0, 0, 1, 16, 0, -1)));

  @Test
  void nestedVirtualisationIsNotOffered() {
    CpuidTable offered = GuestCpuid.offered(EVERYTHING);
    for (CpuidTable table : List.of(offered, GuestCpuid.forVcpu(offered, 0, 1, true))) {
      assertThat(table.find(0x1, 0))
          .hasValueSatisfying(leaf -> assertThat(leaf.ecx() & VMX).isZero());
      assertThat(table.find(0x8000_0001, 0))
          .hasValueSatisfying(leaf -> assertThat(leaf.ecx() & SVM).isZero());
      assertThat(table.find(0x8000_000a, 0)).as("what SVM can do").isEmpty();
    }
  }

  @Test
  void allElseIsOffered() {
    CpuidTable offered = GuestCpuid.offered(EVERYTHING);

    assertThat(offered.find(0x1, 0))
        .contains(new CpuidTable.Entry(0x1, 0, 0, 0x00a2_0f12, 0, ~VMX, -1));
    assertThat(offered.find(0x8000_0001, 0))
        .contains(new CpuidTable.Entry(0x8000_0001, 0, 0, 0x00a2_0f12, 0x4000_0000, ~SVM, -1));
  }

  /** Its guest may run a guest of its own, whose state does not travel. */
  @Test
  void aGuestThatWasOfferedItIsRefused() {
    MachineDescription before = machine(EVERYTHING);
    MachineDescription now = machine(GuestCpuid.offered(EVERYTHING));

    assertThat(now.refusal(before))
        .contains("CPUID 0x1.0 ecx: source has 0xffffffff, destination has 0xffffffdf");
    assertThat(before.refusal(now)).as("the way back").isEmpty();
  }

  private static MachineDescription machine(CpuidTable cpuid) {
    return new MachineDescription(1L << 30, 4096, 1, List.of("vcpu0"), GuestCpuid.features(cpuid));
  }
}
