package dev.ballast.ffi.kvm;

import dev.ballast.ffi.libc.IoCalls;
import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.MemorySegment;

/** An ioctl(2) on a KVM descriptor whose failure is an exception that names the request. */
final class Ioctl {
  private Ioctl() {}

  static int call(FileDescriptor file, String name, long request, long argument, String context)
      throws ErrnoException {
    return check(attempt(file, request, argument), name, context);
  }

  /** Returns a negative errno where {@code call} throws. */
  static int attempt(FileDescriptor file, long request, long argument) {
    int result;
    do {
      result = IoCalls.ioctl(file.value(), request, argument);
    } while (result == -Errno.EINTR);
    return result;
  }

  static int call(
      FileDescriptor file, String name, long request, MemorySegment argument, String context)
      throws ErrnoException {
    return check(attempt(file, request, argument), name, context);
  }

  /** Returns a negative errno where {@code call} throws. */
  static int attempt(FileDescriptor file, long request, MemorySegment argument) {
    int result;
    do {
      result = IoCalls.ioctl(file.value(), request, argument);
    } while (result == -Errno.EINTR);
    return result;
  }

  static int check(int result, String name, String context) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException("ioctl(" + name + ")", -result, context);
    }
    return result;
  }
}
