package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.Madvise;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/** The kind of host pages that back guest RAM. */
public enum HostPages {
  /** Pages of 4 KiB only. */
  SMALL(RamBlock.PAGE_SIZE),

  /**
   * Pages of 4 KiB, and transparent huge pages wherever the kernel has them; it is asked for them.
   * They are given back in parts of 4 KiB: the kernel unmaps a part at once, and frees it when it
   * splits the huge page, perhaps only when memory is short. khugepaged may collapse such a page
   * again, which populates the parts that the guest gave back with zeros; with {@code
   * max_ptes_none} 0 it only collapses what is populated.
   */
  TRANSPARENT_HUGE(RamBlock.PAGE_SIZE),

  /** Pages of 2 MiB from the kernel's pool (hugetlb). */
  HUGE_2M(2 << 20),

  /** Pages of 1 GiB from the kernel's pool (hugetlb). */
  HUGE_1G(1 << 30);

  private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();

  private final int size;

  HostPages(int size) {
    this.size = size;
  }

  /** Returns the unit in which memory can be given back to the host, in bytes; a power of two. */
  public long size() {
    return size;
  }

  /** Returns whether the pages come from the kernel's pool of huge pages (hugetlb). */
  public boolean pooled() {
    return size > RamBlock.PAGE_SIZE;
  }

  /** Advises the kernel which pages to use. One without transparent huge pages has small ones. */
  void advise(MemorySegment ram) throws IOException {
    try {
      switch (this) {
        case SMALL -> Madvise.noHugePage(ram, 0, ram.byteSize());
        case TRANSPARENT_HUGE -> Madvise.hugePage(ram, 0, ram.byteSize());
        case HUGE_2M, HUGE_1G -> {}
      }
    } catch (ErrnoException e) {
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
    }
  }

  /**
   * Advises the kernel about new guest RAM: which pages to use, and that it is no part of a core
   * dump of this process, which would be as large as the guest.
   */
  void adviseNew(MemorySegment ram) throws IOException {
    Madvise.dontDump(ram, 0, ram.byteSize());
    advise(ram);
  }

  /** Populates a range of guest RAM with host memory at once. */
  static void populate(MemorySegment ram, long offset, long length) throws IOException {
    try {
      Madvise.populateWrite(ram, offset, length);
    } catch (ErrnoException e) {
      // Kernels before 5.14 do not know the advice, and fault the pages in one by one.
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
      // Fault the first one in now: where huge pages are allowed only for this call, that faults a
      // whole huge page in.
      WORD.getAndAdd(ram, offset, 0);
    }
  }
}
