package dev.ballast.ffi.linux;

import dev.ballast.ffi.libc.ErrorCalls;

/** Error numbers of Linux, {@code asm-generic/errno.h}, and their names. */
public final class Errno {
  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int ESRCH = 3;
  public static final int EINTR = 4;
  public static final int EIO = 5;
  public static final int ENXIO = 6;
  public static final int E2BIG = 7;
  public static final int EBADF = 9;
  public static final int EAGAIN = 11;
  public static final int ENOMEM = 12;
  public static final int EACCES = 13;
  public static final int EFAULT = 14;
  public static final int EBUSY = 16;
  public static final int EEXIST = 17;
  public static final int ENODEV = 19;
  public static final int EINVAL = 22;
  public static final int EMFILE = 24;
  public static final int ENOTTY = 25;
  public static final int ENOSPC = 28;
  public static final int EPIPE = 32;
  public static final int ENOSYS = 38;
  public static final int EOPNOTSUPP = 95;
  public static final int EHWPOISON = 133;

  private Errno() {}

  /**
   * Returns the symbolic name of a positive error number, or {@code errno N} for one without a
   * name.
   */
  public static String name(int errno) {
    String name = ErrorCalls.strerrorname(errno);
    return name == null ? "errno " + errno : name;
  }

  /**
   * Returns the C library's description of a positive error number, in English whatever the locale.
   */
  public static String message(int errno) {
    String message = ErrorCalls.strerrordesc(errno);
    return message == null ? "unknown error" : message;
  }
}
