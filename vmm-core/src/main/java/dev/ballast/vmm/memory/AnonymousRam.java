package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.Madvise;
import dev.ballast.ffi.linux.Mapping;
import dev.ballast.ffi.linux.Pagemap;
import dev.ballast.ffi.linux.SparseMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Guest RAM in anonymous private memory. */
public final class AnonymousRam implements RamBacking {
  private final Mapping mapping;
  private boolean smallPages;

  /**
   * Maps memory; none of it is populated.
   *
   * @param size in bytes
   * @param reserve whether the kernel accounts for all of it now, so that running out is an error
   *     here and not a kill later
   * @throws IOException if the kernel refuses (ENOMEM)
   */
  public AnonymousRam(long size, boolean reserve) throws IOException {
    this.mapping = Mapping.anonymous(size, reserve);
  }

  /**
   * Keeps the kernel from backing this memory with transparent huge pages. A destination receives
   * pages here and there: a huge page would populate the ones between, which the guest gave back.
   *
   * @throws IOException if the kernel refuses
   */
  public void useSmallPages() throws IOException {
    Madvise.noHugePage(mapping.segment(), 0, mapping.size());
    smallPages = true;
  }

  @Override
  public MemorySegment segment() {
    return mapping.segment();
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    Madvise.dontNeed(mapping.segment(), offset, length);
  }

  @Override
  public void populate(long offset, long length) throws IOException {
    MemorySegment segment = mapping.segment();
    try {
      if (smallPages && (offset | length) % SparseMemory.HUGE_PAGE == 0) {
        // All of it becomes content: a huge page wastes nothing, and takes one fault of 512.
        Madvise.hugePage(segment, offset, length);
      }
      Madvise.populateWrite(segment, offset, length);
    } catch (ErrnoException e) {
      // Kernels that know neither advice fault the pages in one by one.
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
    }
  }

  @Override
  public void addPopulated(long firstPage, long pages, PageBitmap into) throws IOException {
    try (Pagemap pagemap = Pagemap.open()) {
      pagemap.populated(
          mapping.address() + firstPage * RamBlock.PAGE_SIZE,
          pages,
          (first, count) -> into.set(firstPage + first, count));
    }
  }

  @Override
  public void close() {
    mapping.close();
  }
}
