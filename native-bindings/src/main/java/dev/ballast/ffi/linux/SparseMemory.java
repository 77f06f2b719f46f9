package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.MemoryCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Zeroed memory for large tables of which most may stay zero. Host memory appears where it is
 * touched, by huge pages where the kernel has them; an arena's own memory is cleared, and so
 * touched, whole. It is not part of a core dump.
 */
public final class SparseMemory {
  /** The size and alignment of a huge page in bytes. */
  public static final long HUGE_PAGE = 2L << 20;

  private SparseMemory() {}

  /**
   * Maps memory, which is unmapped once nothing refers to the segment any more.
   *
   * @param size in bytes, at least 1
   * @throws ErrnoException as mmap(2): ENOMEM, EINVAL
   */
  public static MemorySegment allocate(long size) throws ErrnoException {
    int flags = LinuxH.MAP_PRIVATE() | LinuxH.MAP_ANONYMOUS() | LinuxH.MAP_NORESERVE();
    // Longer than asked for, so that the result can start at a huge page.
    long length = Math.addExact(size, HUGE_PAGE);
    long mapped =
        MemoryCalls.mmap(0, length, LinuxH.PROT_READ() | LinuxH.PROT_WRITE(), flags, -1, 0);
    if (mapped < 0) {
      throw new ErrnoException("mmap", (int) -mapped, length + " bytes of anonymous memory");
    }
    MemorySegment whole =
        MemorySegment.ofAddress(mapped)
            .reinterpret(length, Arena.ofAuto(), it -> MemoryCalls.munmap(it.address(), length));
    long skip = -mapped & (HUGE_PAGE - 1);
    MemorySegment segment = whole.asSlice(skip, size);
    Madvise.dontDump(whole, 0, length);
    try {
      Madvise.hugePage(segment, 0, size);
    } catch (ErrnoException e) {
      if (e.errno() != Errno.EINVAL) {
        throw e;
      }
      // Without huge pages in the kernel, small ones will do.
    }
    return segment;
  }
}
