package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MsrTableTest {
  @Test
  void bytesRoundTripInOrder() {
    MsrTable table = new MsrTable(new int[] {0xc0000080, 0x10}, new long[] {-2, 1L << 63});
    MsrTable copy = MsrTable.of(table.toBytes());
    assertThat(copy.size()).isEqualTo(2);
    assertThat(copy.index(0)).isEqualTo(0xc0000080);
    assertThat(copy.value(0)).isEqualTo(-2);
    assertThat(copy.find(0x10)).hasValue(1L << 63);
    assertThat(copy.find(0x11)).isEmpty();
  }

  @Test
  void truncatedBytesAreRefused() {
    assertThatThrownBy(() -> MsrTable.of(new byte[13]))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new MsrTable(new int[1], new long[2]))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
