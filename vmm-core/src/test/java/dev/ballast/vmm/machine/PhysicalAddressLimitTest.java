package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.kvm.CpuidTable;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Guest RAM against the physical addresses that the host has. */
class PhysicalAddressLimitTest {
  private static final long GIB = 1L << 30;

  private static CpuidTable host(int eax) {
    return new CpuidTable(
        List.of(
            new CpuidTable.Entry(0, 0, 0, 0xd, 0, 0, 0),
            new CpuidTable.Entry(0x80000008, 0, 0, eax, 0, 0, 0)));
  }

  @ParameterizedTest
  @CsvSource({"39, 511", "40, 1023", "46, 65535", "36, 63", "32, 3", "31, 2"})
  void whatReachesTheEndFitsAndMoreDoesNot(int bits, long gib) {
    CpuidTable host = host(0x3000 | bits);
    assertThatCode(() -> PhysicalAddressLimit.check(host, gib * GIB)).doesNotThrowAnyException();
    assertThatThrownBy(() -> PhysicalAddressLimit.check(host, gib * GIB + (2 << 20)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("guests have " + bits + " on this host")
        .hasMessageEndingWith("the most that fits is " + gib + " GiB");
  }

  @Test
  void theMessageHasBothNumbers() {
    assertThatThrownBy(() -> PhysicalAddressLimit.check(host(0x3028), 1024 * GIB))
        .hasMessage(
            "guest memory of 1048576 MiB ends at address 0x10040000000, which takes 41 bits; guests"
                + " have 40 on this host: the most that fits is 1023 GiB");
  }

  @Test
  void whatNestedPagingCannotTranslateDoesNotCount() {
    assertThat(PhysicalAddressLimit.bits(host(0x303934))).isEqualTo(48);
    assertThat(PhysicalAddressLimit.bits(host(0x3934))).isEqualTo(52);
  }

  @Test
  void aProcessorThatDoesNotSayHas36Bits() {
    CpuidTable old = new CpuidTable(List.of());
    assertThat(PhysicalAddressLimit.bits(old)).isEqualTo(36);
  }
}
