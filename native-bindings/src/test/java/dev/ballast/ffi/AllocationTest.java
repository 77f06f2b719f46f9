package dev.ballast.ffi;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class AllocationTest {
  @Test
  void allocationIsFound() {
    byte[][] sink = new byte[1][];
    assertThatThrownBy(() -> Allocation.assertNone(10, 1_000_000, () -> sink[0] = new byte[64]))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("allocates in a round");
  }
}
