package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.Mapping;
import dev.ballast.ffi.linux.Pagemap;
import dev.ballast.ffi.linux.PopulatedRunConsumer;
import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Queries which pages of a mapping have host memory, from several threads. Page maps are pooled:
 * opening one costs more than a query.
 */
final class PagemapPool implements AutoCloseable {
  private static final int MAX_IDLE = 64;

  private final Mapping mapping;
  private final boolean pooled;
  private final ArrayBlockingQueue<PagemapReader> idle = new ArrayBlockingQueue<>(MAX_IDLE);

  PagemapPool(Mapping mapping, boolean pooled) {
    this.mapping = mapping;
    this.pooled = pooled;
  }

  /**
   * Adds the pages of a range that {@link Pagemap#populated} reports.
   *
   * @param firstPage the first page of the mapping, in units of 4096 bytes
   * @param count how many
   * @param into one bit per 4 KiB of the mapping; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  void addPopulated(long firstPage, long count, PageBitmap into) throws IOException {
    read(firstPage, count, into, false);
  }

  /**
   * Adds the pages of a range that {@link Pagemap#poisoned} reports; see {@link #addPopulated}.
   *
   * @return whether there are any
   */
  boolean addPoisoned(long firstPage, long count, PageBitmap into) throws IOException {
    return read(firstPage, count, into, true);
  }

  private boolean read(long firstPage, long count, PageBitmap into, boolean poisoned)
      throws IOException {
    @Nullable PagemapReader taken = idle.poll();
    PagemapReader reader = taken == null ? new PagemapReader(Pagemap.open(pooled)) : taken;
    boolean kept = false;
    try {
      boolean any = reader.read(mapping, firstPage, count, into, poisoned);
      kept = idle.offer(reader);
      return any;
    } finally {
      if (!kept) {
        reader.close();
      }
    }
  }

  /** Closes the idle page maps. No query may be running or follow. */
  @Override
  public void close() {
    for (PagemapReader reader = idle.poll(); reader != null; reader = idle.poll()) {
      reader.close();
    }
  }

  /** A page map and what it reports to: one object for all queries, which thus leave no garbage. */
  private static final class PagemapReader implements PopulatedRunConsumer, AutoCloseable {
    private final Pagemap pagemap;
    private long firstPage;
    private @Nullable PageBitmap into;
    private boolean any;

    PagemapReader(Pagemap pagemap) {
      this.pagemap = pagemap;
    }

    boolean read(Mapping mapping, long first, long count, PageBitmap found, boolean poisoned)
        throws IOException {
      firstPage = first;
      into = found;
      any = false;
      long address = mapping.address() + first * RamBlock.PAGE_SIZE;
      if (poisoned) {
        pagemap.poisoned(address, count, this);
      } else {
        pagemap.populated(address, count, this);
      }
      into = null;
      return any;
    }

    @Override
    public void run(long first, long count) {
      any = true;
      Objects.requireNonNull(into).set(firstPage + first, count);
    }

    @Override
    public void close() {
      pagemap.close();
    }
  }
}
