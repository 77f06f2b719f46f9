package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.MemoryCalls;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A readable and writable memory mapping that this object owns: closing it unmaps it. Its segment
 * lives in a shared arena, so that any thread may use it; it may be terabytes. Close it after the
 * threads that use it have been joined and KVM has let go of it: addresses that were handed to the
 * kernel are not guarded by the arena.
 *
 * <p>A mapping of 2 MiB or more starts at a multiple of 2 MiB, one of 1 GiB or more at a multiple
 * of 1 GiB: neither the processor nor KVM can use a huge page that is not aligned, and kernels
 * before 6.7 do not align by themselves.
 */
public final class Mapping implements AutoCloseable {
  private static final long GIGANTIC_PAGE = 1L << 30;

  private final Arena arena;
  private final MemorySegment segment;

  private Mapping(long address, long size) {
    arena = Arena.ofShared();
    segment = MemorySegment.ofAddress(address).reinterpret(size, arena, null);
  }

  /**
   * Maps private zeroed memory.
   *
   * @param size in bytes, a multiple of the page size
   * @param reserve false to leave it out of the kernel's commit accounting ({@code MAP_NORESERVE}),
   *     so that more than the machine has can be mapped
   * @throws ErrnoException as mmap(2): ENOMEM, EINVAL
   */
  public static Mapping anonymous(long size, boolean reserve) throws ErrnoException {
    int flags = LinuxH.MAP_PRIVATE() | LinuxH.MAP_ANONYMOUS();
    return map(size, reserve ? flags : flags | LinuxH.MAP_NORESERVE(), -1, 0);
  }

  /**
   * Maps private zeroed memory out of the kernel's pool of huge pages ({@code MAP_HUGETLB}).
   *
   * @param size in bytes, a multiple of {@code pageSize}
   * @param pageSize of a huge page in bytes, a power of two that the kernel has a pool for
   * @param reserve whether the pool must hold all of it now; if false, touching memory raises
   *     SIGBUS when the pool is empty
   * @throws ErrnoException as mmap(2): ENOMEM when the pool is too small, EINVAL when there is none
   */
  public static Mapping anonymousHuge(long size, long pageSize, boolean reserve)
      throws ErrnoException {
    int flags =
        LinuxH.MAP_PRIVATE()
            | LinuxH.MAP_ANONYMOUS()
            | LinuxH.MAP_HUGETLB()
            | (Long.numberOfTrailingZeros(pageSize) << LinuxH.MAP_HUGE_SHIFT());
    return map(size, reserve ? flags : flags | LinuxH.MAP_NORESERVE(), -1, 0);
  }

  /**
   * Maps a file so that writes reach it.
   *
   * @param offset in bytes, a multiple of the page size
   * @param size in bytes, a multiple of the page size
   * @throws ErrnoException as mmap(2): EACCES, EINVAL, ENODEV, ENOMEM
   */
  public static Mapping shared(FileDescriptor fd, long offset, long size) throws ErrnoException {
    return shared(fd, offset, size, true);
  }

  /**
   * Maps a file so that writes reach it.
   *
   * @param offset in bytes, a multiple of the file's page size
   * @param size in bytes, a multiple of the file's page size
   * @param reserve of a file of huge pages: whether the kernel's pool must hold all of it now; if
   *     false, touching memory raises SIGBUS when the pool is empty
   * @throws ErrnoException as mmap(2): EACCES, EINVAL, ENODEV, ENOMEM
   */
  public static Mapping shared(FileDescriptor fd, long offset, long size, boolean reserve)
      throws ErrnoException {
    int flags = LinuxH.MAP_SHARED();
    return map(size, reserve ? flags : flags | LinuxH.MAP_NORESERVE(), fd.value(), offset);
  }

  private static Mapping map(long size, int flags, int fd, long offset) throws ErrnoException {
    long alignment = alignment(size);
    if (alignment == 0) {
      return new Mapping(mapAt(0, size, flags, fd, offset), size);
    }
    // Addresses only: memory that is inaccessible is not accounted for.
    long room = Math.addExact(size, alignment);
    long start =
        MemoryCalls.mmap(
            0, room, LinuxH.PROT_NONE(), LinuxH.MAP_PRIVATE() | LinuxH.MAP_ANONYMOUS(), -1, 0);
    if (start < 0) {
      throw failure(-start, size, fd, offset);
    }
    boolean mapped = false;
    try {
      long skip = -start & (alignment - 1);
      mapAt(start + skip, size, flags | LinuxH.MAP_FIXED(), fd, offset);
      unmap(start, skip);
      unmap(start + skip + size, alignment - skip);
      mapped = true;
      return new Mapping(start + skip, size);
    } finally {
      if (!mapped) {
        MemoryCalls.munmap(start, room);
      }
    }
  }

  private static long alignment(long size) {
    if (size < SparseMemory.HUGE_PAGE) {
      return 0;
    }
    return size < GIGANTIC_PAGE ? SparseMemory.HUGE_PAGE : GIGANTIC_PAGE;
  }

  private static long mapAt(long address, long size, int flags, int fd, long offset)
      throws ErrnoException {
    int protection = LinuxH.PROT_READ() | LinuxH.PROT_WRITE();
    long mapped = MemoryCalls.mmap(address, size, protection, flags, fd, offset);
    if (mapped < 0) {
      throw failure(-mapped, size, fd, offset);
    }
    return mapped;
  }

  private static ErrnoException failure(long errno, long size, int fd, long offset) {
    String what = fd < 0 ? " bytes of anonymous memory" : " bytes of fd " + fd + " at " + offset;
    return new ErrnoException("mmap", (int) errno, size + what);
  }

  private static void unmap(long address, long size) throws ErrnoException {
    int result = size == 0 ? 0 : MemoryCalls.munmap(address, size);
    if (result < 0) {
      throw new ErrnoException("munmap", -result, size + " bytes");
    }
  }

  /** Returns the whole mapping. It can be used until {@link #close}. */
  public MemorySegment segment() {
    return segment;
  }

  /** Returns where it is mapped in this process. */
  public long address() {
    return segment.address();
  }

  /** Returns its size in bytes. */
  public long size() {
    return segment.byteSize();
  }

  /**
   * Unmaps the memory; the second time it does nothing.
   *
   * @throws IllegalStateException if a thread is in a downcall with the segment
   * @throws UncheckedIOException with an {@link ErrnoException} in it when munmap(2) fails
   */
  @Override
  public synchronized void close() {
    if (!arena.scope().isAlive()) {
      return;
    }
    arena.close();
    try {
      unmap(segment.address(), segment.byteSize());
    } catch (ErrnoException e) {
      throw new UncheckedIOException(e);
    }
  }
}
