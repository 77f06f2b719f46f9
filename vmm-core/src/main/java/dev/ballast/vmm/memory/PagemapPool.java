package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.Mapping;
import dev.ballast.ffi.linux.Pagemap;
import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Looks up which pages of a mapping have host memory, for several threads at a time. Opening a page
 * map for each look would cost more than the look.
 */
final class PagemapPool implements AutoCloseable {
  private static final int MAX_IDLE = 64;

  private final Mapping mapping;
  private final ArrayBlockingQueue<Pagemap> idle = new ArrayBlockingQueue<>(MAX_IDLE);

  PagemapPool(Mapping mapping) {
    this.mapping = mapping;
  }

  /**
   * Adds the pages of a range that the page tables of this process know.
   *
   * @param firstPage the first page of the mapping, in units of 4096 bytes
   * @param count how many
   * @param into one bit per 4 KiB of the mapping; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  void addPopulated(long firstPage, long count, PageBitmap into) throws IOException {
    @Nullable Pagemap taken = idle.poll();
    Pagemap pagemap = taken == null ? Pagemap.open() : taken;
    boolean kept = false;
    try {
      pagemap.populated(
          mapping.address() + firstPage * RamBlock.PAGE_SIZE,
          count,
          (first, run) -> into.set(firstPage + first, run));
      kept = idle.offer(pagemap);
    } finally {
      if (!kept) {
        pagemap.close();
      }
    }
  }

  /** Closes the page maps that are idle: nobody looks any more. */
  @Override
  public void close() {
    for (Pagemap pagemap = idle.poll(); pagemap != null; pagemap = idle.poll()) {
      pagemap.close();
    }
  }
}
