package dev.ballast.vmm.cpuid;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpuBaselineTest {
  private static final String HEAD =
      """
      # Two hosts
      vendor GenuineIntel

      physical-address-bits 46
      max-leaf 0x16
      max-extended-leaf 0x80000008
      """;

  @Test
  void aTextSaysWhatItIs() {
    CpuBaseline baseline =
        CpuBaseline.parse(
            HEAD
                + "feature-msr 0x10a 0x4c # not much\nstate-msr 0x10 0xC0000081\nAVX512-VNNI\nsse3\n");
    assertThat(baseline.vendor()).contains("GenuineIntel");
    assertThat(baseline.addressBits()).isEqualTo(46);
    assertThat(baseline.maxLeaf()).isEqualTo(0x16);
    assertThat(baseline.maxExtendedLeaf()).isEqualTo(0x80000008);
    assertThat(baseline.featureMsrs()).containsEntry(0x10a, 0x4cL).hasSize(1);
    assertThat(baseline.features())
        .containsExactlyInAnyOrder(CpuFeatures.get("avx512_vnni"), CpuFeatures.get("pni"));
    assertThat(baseline.stateMsrs()).containsExactlyInAnyOrder(0x10, 0xc0000081);
    assertThat(CpuBaseline.parse(baseline.text())).isEqualTo(baseline);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "avx3 | line 7: there is no CPU feature 'avx3'; did you mean avx",
        "avx avx2 | line 7: 'avx avx2' has 2 words, not 1",
        "vendor AuthenticAMD | line 7: a second 'vendor'",
        "feature-msr 0x10a | line 7: 'feature-msr 0x10a' has 2 words, not 3",
        "feature-msr 0x1ffffffff 1 | line 7: '0x1ffffffff' is not a number from 0 to 0xffffffff",
        "feature-msr 0x10a x | line 7: 'x' is not a number from 0 to 0xffffffffffffffff"
      })
  void aWrongLineIsRefusedWithItsNumber(String line, String reason) {
    assertThatThrownBy(() -> CpuBaseline.parse(HEAD + line))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "vendor GenuineIntel | | 'vendor' is missing",
        "vendor GenuineIntel | vendor Intel | 'vendor' is missing, or has not 12 characters",
        "max-leaf 0x16 | | 'max-leaf' is missing",
        "bits 46 | bits 5000 | '5000' is not a number from 0 to 0x34",
        "bits 46 | bits 8 | 'physical-address-bits 8' is too small: at least 0x20",
        "extended-leaf 0x80000008 | extended-leaf 8 | 'max-extended-leaf 8' is too small"
      })
  void aWrongHeadIsRefused(String line, String instead, String reason) {
    String text = HEAD.replace(line, instead == null ? "" : instead);
    assertThatThrownBy(() -> CpuBaseline.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(reason);
  }

  @Test
  void hostsOfDifferentVendorsHaveNothingInCommon() {
    CpuidEditor amd = new CpuidEditor(Profiles.everything().cpuid());
    amd.set(0, 0, CpuidRegister.EBX, 0x68747541);
    CpuProfile other = Profiles.withCpuid(Profiles.everything(), amd.table());
    assertThatThrownBy(() -> CpuBaseline.common(List.of(Profiles.everything(), other)))
        .hasMessage(
            "hosts of different vendors have no common processor: GenuineIntel and AuthineIntel");
  }

  /** Whatever a file holds, it is read or refused with a line for people. */
  @Test
  void anyBytesAreReadOrRefused() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    byte[] text =
        CpuBaseline.common(List.of(Profiles.everything()))
            .text()
            .getBytes(StandardCharsets.ISO_8859_1);
    int refused = 0;
    for (int round = 0; round < 3000; round++) {
      byte[] bytes = text.clone();
      for (int i = 1 + random.nextInt(8); i > 0; i--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      int length = random.nextInt(4) == 0 ? random.nextInt(bytes.length) : bytes.length;
      try {
        CpuBaseline read =
            CpuBaseline.parse(new String(bytes, 0, length, StandardCharsets.ISO_8859_1));
        assertThat(CpuBaseline.parse(read.text())).isEqualTo(read);
      } catch (IllegalArgumentException e) {
        refused++;
        assertThat(e.getMessage()).isNotBlank();
      }
    }
    assertThat(refused).isBetween(500, 2999);
    assertThatThrownBy(() -> CpuBaseline.parse("#".repeat(CpuBaseline.MAX_BYTES + 1)))
        .hasMessageContaining("too many");
  }
}
