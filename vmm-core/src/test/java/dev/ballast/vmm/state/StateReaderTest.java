package dev.ballast.vmm.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;

class StateReaderTest {
  private static StateReader reader(int... bytes) {
    byte[] state = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      state[i] = (byte) bytes[i];
    }
    return new StateReader("test", state);
  }

  @Test
  void readsWhatWasWritten() throws StateFormatException {
    byte[] large = new byte[100_000];
    new Random(1).nextBytes(large);
    byte[] state =
        new StateWriter()
            .u8(0x1ff)
            .u16(0xfffe)
            .u32(-3)
            .u64(Long.MIN_VALUE)
            .bool(true)
            .bytes(large)
            .string("Zürich")
            .toByteArray();
    StateReader reader = new StateReader("test", state);
    assertThat(reader.u8()).isEqualTo(0xff);
    assertThat(reader.u16()).isEqualTo(0xfffe);
    assertThat(reader.u32()).isEqualTo(-3);
    assertThat(reader.u64()).isEqualTo(Long.MIN_VALUE);
    assertThat(reader.bool()).isTrue();
    assertThat(reader.bytes(large.length)).isEqualTo(large);
    assertThat(reader.string(7)).isEqualTo("Zürich");
    reader.end();
  }

  @Test
  void fieldsAreLittleEndianAndUnpadded() {
    assertThat(new StateWriter().u8(1).u16(0x0302).u32(0x07060504).u64(8).toByteArray())
        .containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0);
  }

  @Test
  void endOfStateNamesSectionAndPlace() throws StateFormatException {
    StateReader reader = reader(1, 2, 3);
    assertThat(reader.u8()).isEqualTo(1);
    assertThatThrownBy(reader::u32)
        .isInstanceOf(StateFormatException.class)
        .hasMessage("test: state ends at byte 3, a field of 4 bytes at 1 does not fit");
    assertThatThrownBy(reader::u64).isInstanceOf(StateFormatException.class);
    assertThat(reader.u16()).as("a refused field is not consumed").isEqualTo(0x0302);
    assertThatThrownBy(reader::u8).isInstanceOf(StateFormatException.class);
    reader.end();
  }

  @Test
  void lengthsAreCheckedBeforeTheyAreUsed() {
    assertThatThrownBy(() -> reader(5, 0, 0, 0, 1).bytes(4))
        .hasMessage("test: a field is 5 bytes long, the limit is 4");
    assertThatThrownBy(() -> reader(0xff, 0xff, 0xff, 0xff).bytes(Integer.MAX_VALUE))
        .hasMessage("test: a field is 4294967295 bytes long, the limit is 2147483647");
    assertThatThrownBy(() -> reader(0xff, 0xff, 0xff, 0x7f).bytes(Integer.MAX_VALUE))
        .as("nothing of that size is allocated")
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("does not fit");
    assertThatThrownBy(() -> reader(1, 0, 0, 0, 9).exactBytes(2))
        .hasMessage("test: a field is 1 bytes long, expected 2");
  }

  @Test
  void rangesAndFlagsAreChecked() throws StateFormatException {
    assertThatThrownBy(() -> reader(2).bool()).hasMessage("test: a flag is 2, expected 0 or 1");
    assertThat(reader(7, 0, 0, 0).u32("count", 0, 7)).isEqualTo(7);
    assertThatThrownBy(() -> reader(8, 0, 0, 0).u32("count", 0, 7))
        .hasMessage("test: count is 8, expected 0 to 7");
    assertThatThrownBy(() -> reader(0xff, 0xff, 0xff, 0xff).u32("count", 0, 7))
        .hasMessage("test: count is 4294967295, expected 0 to 7");
  }

  @Test
  void leftoversAreRefused() {
    assertThatExceptionOfType(StateFormatException.class)
        .isThrownBy(() -> reader(1, 2).end())
        .withMessage("test: 2 bytes are left over");
  }
}
