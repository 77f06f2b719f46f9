package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.Madvise;
import dev.ballast.ffi.linux.Mapping;
import dev.ballast.ffi.linux.SparseMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Guest RAM in anonymous private memory. */
public final class AnonymousRam implements RamBacking {
  private final HostPages pages;
  private final Mapping mapping;
  private final PagemapPool pagemaps;
  private volatile boolean receiving;

  /**
   * Maps memory of small pages; none of it is populated.
   *
   * @param size in bytes, a multiple of 4096
   * @param reserve whether the kernel accounts for all of it now, so that running out is an error
   *     here and not a kill later
   * @throws IOException if the kernel refuses (ENOMEM)
   */
  public AnonymousRam(long size, boolean reserve) throws IOException {
    this(size, HostPages.SMALL, reserve);
  }

  /**
   * Maps memory; none of it is populated.
   *
   * @param size in bytes, a multiple of the size of {@code pages}
   * @param pages the kind of host pages
   * @param reserve whether the kernel accounts for all of it now, so that running out is an error
   *     here and not a kill later. Pages of the pool stay reserved when they are discarded (since
   *     Linux 6.12): they are free, but not available to others
   * @throws IOException if the kernel refuses (ENOMEM), or the pool of huge pages is too small
   */
  public AnonymousRam(long size, HostPages pages, boolean reserve) throws IOException {
    this.pages = pages;
    if (pages.pooled()) {
      new HugePagePool(pages).require(size);
      this.mapping = Mapping.anonymousHuge(size, pages.size(), reserve);
    } else {
      this.mapping = Mapping.anonymous(size, reserve);
    }
    this.pagemaps = new PagemapPool(mapping, pages.pooled());
    try {
      pages.adviseNew(mapping.segment());
    } catch (IOException e) {
      mapping.close();
      throw e;
    }
  }

  @Override
  public MemorySegment segment() {
    return mapping.segment();
  }

  @Override
  public long hostPageSize() {
    return pages.size();
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    Madvise.dontNeed(mapping.segment(), offset, length);
  }

  @Override
  public void startReceiving() throws IOException {
    if (pages == HostPages.TRANSPARENT_HUGE) {
      HostPages.SMALL.advise(mapping.segment());
      receiving = true;
    }
  }

  @Override
  public void endReceiving() throws IOException {
    receiving = false;
    pages.advise(mapping.segment());
  }

  @Override
  public void populate(long offset, long length) throws IOException {
    MemorySegment segment = mapping.segment();
    if (receiving && isHuge(segment.address() + offset, length)) {
      // All of the range is about to be written: a huge page wastes nothing, and takes one fault
      // instead of 512.
      populateHuge(segment, offset, length);
    } else {
      HostPages.populate(segment, offset, length);
    }
  }

  /**
   * Lifts the ban on huge pages for as long as it takes to populate a range. Pages keep their size;
   * but ranges of different advice are mappings of their own, and a process that has as many as the
   * kernel allows can start no thread.
   */
  private static void populateHuge(MemorySegment segment, long offset, long length)
      throws IOException {
    if (!allowHugePages(segment, offset, length)) {
      HostPages.populate(segment, offset, length);
      return;
    }
    try {
      HostPages.populate(segment, offset, length);
    } finally {
      Madvise.noHugePage(segment, offset, length);
    }
  }

  /** Returns false if the kernel has no huge pages, or no room for one more part of the mapping. */
  private static boolean allowHugePages(MemorySegment segment, long offset, long length)
      throws IOException {
    try {
      Madvise.hugePage(segment, offset, length);
      return true;
    } catch (ErrnoException e) {
      if (e.errno() != Errno.EINVAL && e.errno() != Errno.ENOMEM && e.errno() != Errno.EAGAIN) {
        throw e;
      }
      return false;
    }
  }

  private static boolean isHuge(long address, long length) {
    return (address | length) % SparseMemory.HUGE_PAGE == 0;
  }

  @Override
  public void addPopulated(long firstPage, long count, PageBitmap into) throws IOException {
    pagemaps.addPopulated(firstPage, count, into);
  }

  @Override
  public boolean addPoisoned(long firstPage, long count, PageBitmap into) throws IOException {
    return pagemaps.addPoisoned(firstPage, count, into);
  }

  @Override
  public void close() {
    pagemaps.close();
    mapping.close();
  }
}
