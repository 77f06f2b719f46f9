package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.MemoryCalls;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Advice about memory, madvise(2). Each method takes a native segment, and a range of it in bytes:
 * the offset such that the address is page-aligned, the length a multiple of the page size. They do
 * not allocate on the Java heap, and throw {@link IndexOutOfBoundsException} for a range outside
 * the segment.
 */
public final class Madvise {
  private Madvise() {}

  /**
   * Gives anonymous pages back to the host; they read as zeros afterwards. Of a shared file mapping
   * only the mapping is dropped and the file keeps its data: see {@link Fallocate#punchHole}.
   *
   * @throws ErrnoException EINVAL for a range that is locked, huge or unaligned; ENOMEM where
   *     nothing is mapped
   */
  public static void dontNeed(MemorySegment segment, long offset, long length)
      throws ErrnoException {
    advise("MADV_DONTNEED", LinuxH.MADV_DONTNEED(), segment, offset, length);
  }

  /**
   * Asks for transparent huge pages.
   *
   * @throws ErrnoException EINVAL where the kernel has none
   */
  public static void hugePage(MemorySegment segment, long offset, long length)
      throws ErrnoException {
    advise("MADV_HUGEPAGE", LinuxH.MADV_HUGEPAGE(), segment, offset, length);
  }

  /**
   * Forbids transparent huge pages.
   *
   * @throws ErrnoException EINVAL where the kernel has none
   */
  public static void noHugePage(MemorySegment segment, long offset, long length)
      throws ErrnoException {
    advise("MADV_NOHUGEPAGE", LinuxH.MADV_NOHUGEPAGE(), segment, offset, length);
  }

  /**
   * Faults pages in for writing, many at once; their content stays.
   *
   * @throws ErrnoException EINVAL before Linux 5.14; ENOMEM, EFAULT, EHWPOISON
   */
  public static void populateWrite(MemorySegment segment, long offset, long length)
      throws ErrnoException {
    advise("MADV_POPULATE_WRITE", LinuxH.MADV_POPULATE_WRITE(), segment, offset, length);
  }

  /**
   * Leaves a range out of core dumps.
   *
   * @throws ErrnoException ENOMEM, EAGAIN
   */
  public static void dontDump(MemorySegment segment, long offset, long length)
      throws ErrnoException {
    advise("MADV_DONTDUMP", LinuxH.MADV_DONTDUMP(), segment, offset, length);
  }

  private static void advise(
      String name, int advice, MemorySegment segment, long offset, long length)
      throws ErrnoException {
    Objects.checkFromIndexSize(offset, length, segment.byteSize());
    if (!segment.isNative() || !segment.scope().isAlive()) {
      throw new IllegalArgumentException("not live native memory: " + segment);
    }
    int result = MemoryCalls.madvise(segment.address() + offset, length, advice);
    if (result < 0) {
      throw new ErrnoException(
          "madvise(" + name + ")", -result, length + " bytes at offset " + offset);
    }
  }
}
