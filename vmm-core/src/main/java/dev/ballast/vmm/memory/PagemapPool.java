package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.Mapping;
import dev.ballast.ffi.linux.Pagemap;
import dev.ballast.ffi.linux.PopulatedRunConsumer;
import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Looks up which pages of a mapping have host memory, for several threads at a time. Opening a page
 * map for each look would cost more than the look.
 */
final class PagemapPool implements AutoCloseable {
  private static final int MAX_IDLE = 64;

  private final Mapping mapping;
  private final boolean pooled;
  private final ArrayBlockingQueue<Look> idle = new ArrayBlockingQueue<>(MAX_IDLE);

  PagemapPool(Mapping mapping, boolean pooled) {
    this.mapping = mapping;
    this.pooled = pooled;
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
    @Nullable Look taken = idle.poll();
    Look look = taken == null ? new Look(Pagemap.open(pooled)) : taken;
    boolean kept = false;
    try {
      look.at(mapping, firstPage, count, into);
      kept = idle.offer(look);
    } finally {
      if (!kept) {
        look.close();
      }
    }
  }

  /** Closes the page maps that are idle: nobody looks any more. */
  @Override
  public void close() {
    for (Look look = idle.poll(); look != null; look = idle.poll()) {
      look.close();
    }
  }

  /** A page map and what it reports to: one object for all looks, which thus leave no garbage. */
  private static final class Look implements PopulatedRunConsumer, AutoCloseable {
    private final Pagemap pagemap;
    private long firstPage;
    private @Nullable PageBitmap into;

    Look(Pagemap pagemap) {
      this.pagemap = pagemap;
    }

    void at(Mapping mapping, long first, long count, PageBitmap found) throws IOException {
      firstPage = first;
      into = found;
      pagemap.populated(mapping.address() + first * RamBlock.PAGE_SIZE, count, this);
      into = null;
    }

    @Override
    public void run(long first, long count) {
      Objects.requireNonNull(into).set(firstPage + first, count);
    }

    @Override
    public void close() {
      pagemap.close();
    }
  }
}
