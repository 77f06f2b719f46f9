package dev.ballast.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AmlTest {
  private static String hex(byte[] bytes) {
    return HexFormat.ofDelimiter(" ").formatHex(bytes);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 00",
    "1, 01",
    "2, 0a 02",
    "0xff, 0a ff",
    "0x100, 0b 00 01",
    "0xffff, 0b ff ff",
    "0x10000, 0c 00 00 01 00",
    "0xffffffff, 0c ff ff ff ff"
  })
  void integersTakeTheShortestForm(String value, String bytes) {
    assertThat(hex(Aml.integer(Long.decode(value)))).isEqualTo(bytes);
  }

  @Test
  void integersAbove32BitsAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> Aml.integer(1L << 32));
    assertThatIllegalArgumentException().isThrownBy(() -> Aml.integer(-1));
  }

  @Test
  void eisaIdsAreCompressed() {
    assertThat(hex(Aml.eisaId("PNP0501"))).isEqualTo("0c 41 d0 05 01");
    assertThat(hex(Aml.eisaId("PNP0B00"))).isEqualTo("0c 41 d0 0b 00");
  }

  /** A buffer of n bytes, with its length as an integer; PkgLength counts itself. */
  @ParameterizedTest
  @CsvSource({
    "60, 11 3f 0a 3c",
    "61, 11 41 04 0a 3d",
    "4090, 11 4f ff 0b fa 0f",
    "4091, 11 81 00 01 0b fb 0f",
    "70000, 11 88 17 11 0c 70 11 01 00"
  })
  void packageLengthsGrow(int size, String start) {
    byte[] buffer = Aml.buffer(new byte[size]);
    int prefix = buffer.length - size;
    assertThat(HexFormat.ofDelimiter(" ").formatHex(buffer, 0, prefix)).isEqualTo(start);
  }

  @Test
  void namesAreFourCharacters() {
    assertThat(hex(Aml.name("_S5_", Aml.integer(0)))).isEqualTo("08 5f 53 35 5f 00");
    assertThatIllegalArgumentException().isThrownBy(() -> Aml.name("S5", Aml.integer(0)));
    assertThatIllegalArgumentException().isThrownBy(() -> Aml.name("0ABC", Aml.integer(0)));
  }
}
