package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.Fallocate;
import dev.ballast.ffi.linux.FileDescriptor;
import dev.ballast.ffi.linux.Madvise;
import dev.ballast.ffi.linux.Mapping;
import dev.ballast.ffi.linux.Memfd;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** Guest RAM in a memory file, memfd_create(2). */
public final class MemfdRam implements RamBacking {
  private static final String NAME = "ballast-ram";

  private final HostPages pages;
  private final FileDescriptor file;
  private final Mapping mapping;
  private final PagemapPool pagemaps;

  /**
   * Creates the file and maps it; none of it is populated.
   *
   * @param size in bytes, a multiple of the size of {@code pages}
   * @param pages the kind of host pages
   * @param reserve for pages of the pool: whether they are reserved for this guest now. A page that
   *     is discarded loses its reservation and is available to others. Other memory files cannot be
   *     reserved: running out is an error when memory is touched
   * @throws IOException if the kernel refuses, or the pool of huge pages is too small
   */
  public MemfdRam(long size, HostPages pages, boolean reserve) throws IOException {
    this.pages = pages;
    if (pages.pooled()) {
      new HugePagePool(pages).require(size);
      this.file = Memfd.createHuge(NAME, size, pages.size());
    } else {
      this.file = Memfd.create(NAME, size, 0);
    }
    try {
      this.mapping = map(size, reserve);
      this.pagemaps = new PagemapPool(mapping, pages.pooled());
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  private Mapping map(long size, boolean reserve) throws IOException {
    Mapping whole = Mapping.shared(file, 0, size, reserve);
    try {
      pages.adviseNew(whole.segment());
      return whole;
    } catch (IOException e) {
      whole.close();
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
  public boolean readingPopulates() {
    return true;
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    Fallocate.punchHole(file, offset, length);
    Madvise.dontNeed(mapping.segment(), offset, length);
  }

  @Override
  public void startReceiving() throws IOException {
    if (pages == HostPages.TRANSPARENT_HUGE) {
      HostPages.SMALL.advise(mapping.segment());
    }
  }

  @Override
  public void endReceiving() throws IOException {
    pages.advise(mapping.segment());
  }

  @Override
  public void populate(long offset, long length) throws IOException {
    HostPages.populate(mapping.segment(), offset, length);
  }

  @Override
  public void addPopulated(long firstPage, long count, PageBitmap into) throws IOException {
    if (pages.pooled()) {
      pagemaps.addPopulated(firstPage, count, into);
    } else {
      Memfd.populated(
          file,
          firstPage * RamBlock.PAGE_SIZE,
          count,
          (first, run) -> into.set(firstPage + first, run));
    }
  }

  @Override
  public boolean addPoisoned(long firstPage, long count, PageBitmap into) throws IOException {
    return pagemaps.addPoisoned(firstPage, count, into);
  }

  @Override
  public void close() {
    pagemaps.close();
    mapping.close();
    file.close();
  }
}
