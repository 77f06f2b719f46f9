package dev.ballast.ffi.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class SparseMemoryTest {
  private static final long TIB = 1L << 40;

  @Test
  void aTebibyteIsZeroAndTakesOnlyWhatIsTouched() throws Exception {
    MemorySegment memory = SparseMemory.allocate(TIB);
    assertThat(memory.byteSize()).isEqualTo(TIB);
    assertThat(memory.address() % SparseMemory.HUGE_PAGE).isZero();
    memory.set(ValueLayout.JAVA_LONG, TIB - 8, 42);
    assertThat(memory.get(ValueLayout.JAVA_LONG, TIB / 2)).isZero();
    assertThat(memory.get(ValueLayout.JAVA_LONG, TIB - 8)).isEqualTo(42);
    long[] populated = new long[1];
    try (Pagemap pagemap = Pagemap.open(false)) {
      pagemap.populated(
          memory.address(), TIB / Pagemap.PAGE_SIZE, (first, count) -> populated[0] += count);
    }
    // One huge page for the write; the read was of the zero page.
    assertThat(populated[0]).isBetween(1L, 2 * SparseMemory.HUGE_PAGE / Pagemap.PAGE_SIZE);
  }

  @Test
  void anySizeWillDo() throws Exception {
    MemorySegment memory = SparseMemory.allocate(1);
    memory.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
    assertThat(memory.byteSize()).isEqualTo(1);
  }
}
