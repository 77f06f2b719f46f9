package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.FileCalls;
import java.lang.foreign.Arena;

/**
 * Memory files, memfd_create(2): anonymous memory that has a descriptor and can be mapped twice.
 */
public final class Memfd {
  public static final int MFD_ALLOW_SEALING = LinuxH.MFD_ALLOW_SEALING();

  private Memfd() {}

  /**
   * Creates a memory file of {@code size} bytes, all holes, close-on-exec.
   *
   * @param name what {@code /proc/self/maps} shows
   * @param flags {@code MFD_*} of this class, or 0
   * @throws ErrnoException as memfd_create(2) and ftruncate(2): EMFILE, ENOMEM, EINVAL
   */
  public static FileDescriptor create(String name, long size, int flags) throws ErrnoException {
    int fd;
    try (Arena arena = Arena.ofConfined()) {
      fd = FileCalls.memfdCreate(arena.allocateFrom(name), flags | LinuxH.MFD_CLOEXEC());
    }
    if (fd < 0) {
      throw new ErrnoException("memfd_create", -fd, name);
    }
    FileDescriptor file = FileDescriptor.owning(fd);
    int result = FileCalls.ftruncate(fd, size);
    if (result < 0) {
      file.close();
      throw new ErrnoException("ftruncate", -result, name + " to " + size + " bytes");
    }
    return file;
  }

  /**
   * Creates a memory file of {@code size} bytes out of the kernel's pool of huge pages, all holes,
   * close-on-exec. {@link #populated} is of no use for it: {@code SEEK_DATA} reports all of such a
   * file as data.
   *
   * @param name what {@code /proc/self/maps} shows
   * @param size in bytes, a multiple of {@code pageSize}
   * @param pageSize of a huge page in bytes, a power of two
   * @throws ErrnoException as memfd_create(2) and ftruncate(2): ENODEV when there is no such pool,
   *     EMFILE, ENOMEM, EINVAL
   */
  public static FileDescriptor createHuge(String name, long size, long pageSize)
      throws ErrnoException {
    // MFD_HUGE_SHIFT is MAP_HUGE_SHIFT (memfd_create(2)).
    int sizeFlag = Long.numberOfTrailingZeros(pageSize) << LinuxH.MAP_HUGE_SHIFT();
    return create(name, size, LinuxH.MFD_HUGETLB() | sizeFlag);
  }

  /**
   * Reports which pages of a memory file hold data, no matter which process wrote them and whether
   * or not this process has them mapped, by {@code SEEK_DATA} and {@code SEEK_HOLE}. Moves the file
   * offset. Pages are 4 KiB; a swapped page is data.
   *
   * @param offset in bytes, a multiple of 4096
   * @param pages how many pages to check
   * @param consumer receives the runs, in pages relative to {@code offset}, ascending
   * @throws ErrnoException as lseek(2)
   */
  public static void populated(
      FileDescriptor file, long offset, long pages, PopulatedRunConsumer consumer)
      throws ErrnoException {
    long end = Math.addExact(offset, Math.multiplyExact(pages, Pagemap.PAGE_SIZE));
    long position = offset;
    while (position < end) {
      long data = FileCalls.lseek(file.value(), position, LinuxH.SEEK_DATA());
      if (data == -Errno.ENXIO || data >= end) {
        return;
      }
      long hole = data < 0 ? data : FileCalls.lseek(file.value(), data, LinuxH.SEEK_HOLE());
      if (hole < 0) {
        throw new ErrnoException("lseek", (int) -hole, file + " at " + position);
      }
      hole = Math.min(hole, end);
      long first = (data - offset) / Pagemap.PAGE_SIZE;
      consumer.run(first, (hole - offset + Pagemap.PAGE_SIZE - 1) / Pagemap.PAGE_SIZE - first);
      position = hole;
    }
  }
}
