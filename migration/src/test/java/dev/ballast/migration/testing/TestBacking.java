package dev.ballast.migration.testing;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBacking;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.memory.ZeroPages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.LongAdder;

/**
 * Plain memory. A host page is populated when it has content, or was touched by a write of zeros.
 */
public final class TestBacking implements RamBacking {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;
  private final long hostPageSize;
  private final PageBitmap touched;
  private final LongAdder discardedBytes = new LongAdder();

  TestBacking(long size) {
    this(size, RamBlock.PAGE_SIZE);
  }

  /** Makes memory of {@code size} bytes on host pages of {@code hostPageSize} bytes. */
  public TestBacking(long size, long hostPageSize) {
    this.hostPageSize = hostPageSize;
    memory = arena.allocate(size, RamBlock.PAGE_SIZE);
    touched = PageBitmap.allocate(size / RamBlock.PAGE_SIZE);
  }

  void touch(long page) {
    touched.add(page);
  }

  /** Returns how much was given back to the host. */
  public long discardedBytes() {
    return discardedBytes.sum();
  }

  @Override
  public MemorySegment segment() {
    return memory;
  }

  @Override
  public long hostPageSize() {
    return hostPageSize;
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    if (offset % hostPageSize != 0 || length % hostPageSize != 0) {
      throw new IOException("EINVAL: " + length + " bytes at " + offset);
    }
    memory.asSlice(offset, length).fill((byte) 0);
    discardedBytes.add(length);
    touched.clear(offset / RamBlock.PAGE_SIZE, length / RamBlock.PAGE_SIZE);
  }

  @Override
  public void addPopulated(long firstPage, long pages, PageBitmap into) {
    long perHostPage = hostPageSize / RamBlock.PAGE_SIZE;
    long end = firstPage + pages;
    for (long start = firstPage; start < end; ) {
      long hostPage = start & -perHostPage;
      long next = Math.min(end, hostPage + perHostPage);
      for (long page = hostPage; page < hostPage + perHostPage; page++) {
        if (touched.get(page) || !ZeroPages.isZero(memory, page * RamBlock.PAGE_SIZE)) {
          into.set(start, next - start);
          break;
        }
      }
      start = next;
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
