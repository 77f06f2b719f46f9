package dev.ballast.migration.testing;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBacking;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;

/**
 * Memory whose end can be lost: like a page with a memory error, it raises SIGBUS when it is read,
 * and gives EFAULT to system calls.
 */
public final class LossyRam implements RamBacking {
  private final Arena arena = Arena.ofShared();
  private final FileChannel file;
  private final MemorySegment segment;
  private volatile long sound;

  /**
   * @param size in bytes; all of it counts as populated
   */
  public LossyRam(long size) throws IOException {
    file =
        FileChannel.open(
            Files.createTempFile("ballast-ram", null),
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE);
    segment = file.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
    sound = size / RamBlock.PAGE_SIZE;
  }

  /** Loses all pages from one on. */
  public void loseFrom(long page) throws IOException {
    file.truncate(page * RamBlock.PAGE_SIZE);
    sound = page;
  }

  @Override
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public void discard(long offset, long length) {
    segment.asSlice(offset, length).fill((byte) 0);
  }

  @Override
  public void addPopulated(long firstPage, long pages, PageBitmap into) {
    into.set(firstPage, pages);
  }

  @Override
  public boolean addPoisoned(long firstPage, long pages, PageBitmap into) {
    long first = Math.max(firstPage, sound);
    long end = firstPage + pages;
    if (first >= end) {
      return false;
    }
    into.set(first, end - first);
    return true;
  }

  @Override
  public void close() {
    arena.close();
    try {
      file.close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
