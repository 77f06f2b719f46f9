package dev.ballast.migration.testing;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBacking;
import dev.ballast.vmm.memory.RamBlock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Plain memory. A page is populated when it has content, or was touched by a write of zeros. */
final class TestBacking implements RamBacking {
  private static final MemorySegment ZEROS = Arena.global().allocate(RamBlock.PAGE_SIZE);

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;
  private final PageBitmap touched;

  TestBacking(long size) {
    memory = arena.allocate(size, RamBlock.PAGE_SIZE);
    touched = PageBitmap.allocate(size / RamBlock.PAGE_SIZE);
  }

  void touch(long page) {
    touched.add(page);
  }

  @Override
  public MemorySegment segment() {
    return memory;
  }

  @Override
  public void discard(long offset, long length) {
    memory.asSlice(offset, length).fill((byte) 0);
    touched.clear(offset / RamBlock.PAGE_SIZE, length / RamBlock.PAGE_SIZE);
  }

  @Override
  public void addPopulated(long firstPage, long pages, PageBitmap into) {
    for (long page = firstPage; page < firstPage + pages; page++) {
      if (touched.get(page) || !isZero(memory, page)) {
        into.add(page);
      }
    }
  }

  static boolean isZero(MemorySegment memory, long page) {
    long offset = page * RamBlock.PAGE_SIZE;
    return MemorySegment.mismatch(
            memory, offset, offset + RamBlock.PAGE_SIZE, ZEROS, 0, RamBlock.PAGE_SIZE)
        < 0;
  }

  @Override
  public void close() {
    arena.close();
  }
}
