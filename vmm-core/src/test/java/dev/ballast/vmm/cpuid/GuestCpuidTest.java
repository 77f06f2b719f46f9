package dev.ballast.vmm.cpuid;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.kvm.CpuidTable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The place of a vCPU in its machine, which both sides of a migration derive by the same rules: a
 * change here changes the processor under a guest that moves between two versions of Ballast.
 */
class GuestCpuidTest {
  private static final CpuidTable OFFERED =
      GuestCpuid.withSharedCaches(Profiles.everything().cpuid(), 4);

  private static CpuidTable.Entry leaf(int vcpu, int vcpus, int leaf, int subleaf) {
    return GuestCpuid.forVcpu(OFFERED, vcpu, vcpus).find(leaf, subleaf).orElseThrow();
  }

  /** Ids above 255 are only in the leaves that have 32 bits for them. */
  @ParameterizedTest
  @CsvSource({
    "0, 1",
    "1, 2",
    "16, 17",
    "239, 240",
    "254, 255",
    "255, 256",
    "256, 257",
    "1023, 1024"
  })
  void eachVcpuHasItsApicId(int vcpu, int vcpus) {
    int ids = Math.min(255, vcpus);
    assertThat(leaf(vcpu, vcpus, 0x1, 0).ebx()).isEqualTo((vcpu & 0xff) << 24 | ids << 16 | 0x800);
    assertThat(leaf(vcpu, vcpus, 0xb, 0).edx()).isEqualTo(vcpu);
    assertThat(leaf(vcpu, vcpus, 0xb, 1).edx()).isEqualTo(vcpu);
    assertThat(leaf(vcpu, vcpus, 0xb, 1).ebx()).isEqualTo(vcpus);
    assertThat(leaf(vcpu, vcpus, 0xb, 2).edx()).isEqualTo(vcpu);
    assertThat(leaf(vcpu, vcpus, 0x8000001e, 0))
        .isEqualTo(new CpuidTable.Entry(0x8000001e, 0, 0, vcpu, vcpu & 0xff, 0, 0));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0",
    "2, 1",
    "3, 2",
    "16, 4",
    "17, 5",
    "64, 6",
    "65, 7",
    "240, 8",
    "255, 8",
    "256, 8",
    "257, 9",
    "1024, 10"
  })
  void fieldsThatAreTooNarrowHoldTheMostThatTheyCan(int vcpus, int idBits) {
    int maxId = (1 << idBits) - 1;
    for (int index = 0; index < 4; index++) {
      int eax = leaf(0, vcpus, 0x4, index).eax();
      assertThat(eax >>> 26).as("cores of a package").isEqualTo(Math.min(63, maxId));
      assertThat(eax & 0x3fff)
          .as("the cache itself")
          .isEqualTo(new int[] {0x121, 0x122, 0x143, 0x163}[index]);
    }
    assertThat(leaf(0, vcpus, 0x4, 4).eax()).as("the end of the list").isZero();
    assertThat(leaf(0, vcpus, 0xb, 1).eax()).isEqualTo(idBits);
    int ecx = leaf(0, vcpus, 0x80000008, 0).ecx();
    assertThat(ecx & 0xff).as("NC").isEqualTo(Math.min(255, vcpus - 1));
    assertThat(ecx >>> 12 & 0xf).as("ApicIdSize").isEqualTo(idBits);
    assertThat((leaf(0, vcpus, 0x1, 0).edx() & 1 << 28) != 0).as("HTT").isEqualTo(vcpus > 1);
  }

  /** A kernel schedules among those that share a cache, and wakes others by an interrupt. */
  @ParameterizedTest
  @CsvSource({"1, 1", "2, 2", "6, 8", "240, 16", "1024, 1024", "8192, 8192"})
  void cachesOfLevel3AreSharedAndOthersAreNot(int vcpus, int sharing) {
    CpuidTable offered = GuestCpuid.withSharedCaches(Profiles.everything().cpuid(), sharing);
    for (int vcpu : new int[] {0, vcpus - 1}) {
      CpuidTable table = GuestCpuid.forVcpu(offered, vcpu, vcpus);
      for (int index = 0; index < 3; index++) {
        assertThat(sharing(table, 0x4, index)).isZero();
      }
      int others = Math.min(0xfff, sharing - 1);
      assertThat(sharing(table, 0x4, 3)).isEqualTo(others);
      assertThat(sharing(table, 0x8000001d, 3)).isEqualTo(others);
    }
  }

  private static int sharing(CpuidTable table, int leaf, int index) {
    return table.find(leaf, index).orElseThrow().eax() >>> 14 & 0xfff;
  }
}
