package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.linux.ErrnoException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class KvmTest {
  private static final int MSR_STAR = 0xc0000081;

  @Test
  void missingDeviceIsExplained() {
    assertThatThrownBy(() -> Kvm.open(Path.of("/dev/there-is-no-kvm")))
        .isInstanceOf(ErrnoException.class)
        .hasMessageStartingWith("open: ENOENT (2) No such file or directory: /dev/there-is-no-kvm")
        .hasMessageContaining("this host offers no KVM");
  }

  @Test
  void anotherDeviceIsNotKvm() {
    assertThatThrownBy(() -> Kvm.open(Path.of("/dev/null")))
        .isInstanceOf(ErrnoException.class)
        .hasMessageContaining("ENOTTY")
        .hasMessageEndingWith("/dev/null is not KVM");
  }

  @Test
  @Tag("kvm")
  void systemTellsWhatItCanDo() throws Exception {
    RealModeGuest.assumeKvm();
    try (Kvm kvm = Kvm.open()) {
      assertThat(kvm.apiVersion()).isEqualTo(Kvm.API_VERSION).isEqualTo(12);
      assertThat(kvm.checkExtension(Capability.USER_MEMORY)).isEqualTo(1);
      assertThat(kvm.checkExtension(Capability.NR_MEMSLOTS)).isGreaterThanOrEqualTo(32);
      assertThat(kvm.vcpuMmapSize()).isGreaterThanOrEqualTo(4096);
      assertThat(kvm.msrIndexList()).contains(MSR_STAR).doesNotHaveDuplicates();
      assertThat(kvm.msrFeatureIndexList()).isNotEmpty();
    }
  }

  @Test
  @Tag("kvm")
  void supportedCpuidIsSetOnAVcpu() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with((byte) 0xf4);
        Kvm kvm = Kvm.open()) {
      CpuidTable table = kvm.supportedCpuid();
      CpuidTable.Entry vendor = table.find(0, 0).orElseThrow();
      assertThat(vendor.eax()).isGreaterThanOrEqualTo(1);
      assertThat(vendor.ebx()).isNotZero();
      guest.vcpu().setCpuid(table);
    }
  }
}
