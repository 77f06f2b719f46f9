package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.FileCalls;

/** Space of files, fallocate(2). */
public final class Fallocate {
  private Fallocate() {}

  /**
   * Frees a range of a file; it reads as zeros afterwards and the file keeps its size. Pages that
   * are mapped are unmapped. Does not allocate on the Java heap.
   *
   * @param offset in bytes, a multiple of the file's page size
   * @param length in bytes, more than 0
   * @throws ErrnoException as fallocate(2): EOPNOTSUPP, EPERM (sealed), EINVAL
   */
  public static void punchHole(FileDescriptor file, long offset, long length)
      throws ErrnoException {
    int mode = LinuxH.FALLOC_FL_PUNCH_HOLE() | LinuxH.FALLOC_FL_KEEP_SIZE();
    int result;
    do {
      result = FileCalls.fallocate(file.value(), mode, offset, length);
    } while (result == -Errno.EINTR);
    if (result < 0) {
      throw new ErrnoException(
          "fallocate(FALLOC_FL_PUNCH_HOLE)", -result, file + ", " + length + " bytes at " + offset);
    }
  }
}
