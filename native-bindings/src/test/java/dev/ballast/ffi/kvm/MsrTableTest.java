package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MsrTableTest {
  @Test
  void registersAreFoundAndKeptInOrder() {
    MsrTable table = new MsrTable(new int[] {0xc0000080, 0x10}, new long[] {-2, 1L << 63});
    assertThat(table.size()).isEqualTo(2);
    assertThat(table.index(0)).isEqualTo(0xc0000080);
    assertThat(table.value(0)).isEqualTo(-2);
    assertThat(table.find(0x10)).hasValue(1L << 63);
    assertThat(table.find(0x11)).isEmpty();
  }

  @Test
  void eachIndexNeedsAValue() {
    assertThatThrownBy(() -> new MsrTable(new int[1], new long[2]))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
