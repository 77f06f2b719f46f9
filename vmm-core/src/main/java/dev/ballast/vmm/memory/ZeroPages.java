package dev.ballast.vmm.memory;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The test for pages of {@value RamBlock#PAGE_SIZE} bytes that are zero. Any thread. */
public final class ZeroPages {
  private static final MemorySegment ZEROS =
      Arena.global().allocate(RamBlock.PAGE_SIZE, RamBlock.PAGE_SIZE);

  private ZeroPages() {}

  /**
   * Returns whether a page is all zero. Stops at the first difference; allocates nothing.
   *
   * @param memory the memory
   * @param offset where the page starts, in bytes
   */
  public static boolean isZero(MemorySegment memory, long offset) {
    // Most pages with content have some here. Checking the end as well would cost another cache
    // miss.
    if (memory.get(JAVA_LONG_UNALIGNED, offset) != 0) {
      return false;
    }
    return MemorySegment.mismatch(
            memory, offset, offset + RamBlock.PAGE_SIZE, ZEROS, 0, RamBlock.PAGE_SIZE)
        < 0;
  }
}
