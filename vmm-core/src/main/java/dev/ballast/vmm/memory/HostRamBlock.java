package dev.ballast.vmm.memory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A block that only the VMM writes; whatever writes to it calls {@link #markDirty}. Its memory
 * lives as long as the block is reachable. Any thread.
 */
public final class HostRamBlock implements RamBlock {
  private final String name;
  private final MemorySegment memory;
  private final PageBitmap dirty;

  /**
   * Creates a block of zeros.
   *
   * @param name unique in the machine
   * @param size in bytes; rounded up to whole pages
   */
  public HostRamBlock(String name, long size) {
    this.name = name;
    long pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
    // A bitmap's memory: of a large block, only what is touched takes host memory.
    this.memory = PageBitmap.allocate(pages * PAGE_SIZE * Byte.SIZE).memory();
    this.dirty = PageBitmap.allocate(pages);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long size() {
    return memory.byteSize();
  }

  @Override
  public MemorySegment memory() {
    return memory;
  }

  /**
   * Records that bytes were written.
   *
   * @param offset the first byte
   * @param length how many, at least 1
   */
  public void markDirty(long offset, long length) {
    long first = offset / PAGE_SIZE;
    dirty.set(first, (offset + length - 1) / PAGE_SIZE - first + 1);
  }

  @Override
  public void startDirtyLog() {}

  @Override
  public void stopDirtyLog() {}

  @Override
  public void fetchDirtyLog(PageBitmap into) {
    dirty.drainTo(into);
  }

  @Override
  public void discard(long firstPage, long pages) throws IOException {
    memory.asSlice(firstPage * PAGE_SIZE, pages * PAGE_SIZE).fill((byte) 0);
    dirty.set(firstPage, pages);
  }

  @Override
  public void addPopulated(long firstPage, long pages, PageBitmap into) {
    into.set(firstPage, pages);
  }
}
