package dev.ballast.ffi.linux;

import java.io.IOException;

/** A system call failed. The message names the call, the errno and what was being done. */
public final class ErrnoException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String syscall;
  private final int errno;

  /**
   * @param syscall the call that failed, for instance {@code ioctl(KVM_RUN)}
   * @param errno the positive error number, as in {@code errno(3)}
   * @param context what was being done, with the values that matter; may be empty
   */
  public ErrnoException(String syscall, int errno, String context) {
    super(
        syscall
            + ": "
            + Errno.name(errno)
            + " ("
            + errno
            + ") "
            + Errno.message(errno)
            + (context.isEmpty() ? "" : ": " + context));
    this.syscall = syscall;
    this.errno = errno;
  }

  /** Returns the call that failed. */
  public String syscall() {
    return syscall;
  }

  /** Returns the positive error number. */
  public int errno() {
    return errno;
  }
}
