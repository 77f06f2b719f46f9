package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.IoCalls;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An open file that this object owns; the holder closes it. Reading and writing may be done from
 * any thread; closing must not race with them, since the kernel gives the number to the next file
 * that is opened.
 */
public final class FileDescriptor implements AutoCloseable {
  public static final int O_RDONLY = LinuxH.O_RDONLY();
  public static final int O_WRONLY = LinuxH.O_WRONLY();
  public static final int O_RDWR = LinuxH.O_RDWR();
  public static final int O_CREAT = LinuxH.O_CREAT();
  public static final int O_EXCL = LinuxH.O_EXCL();
  public static final int O_TRUNC = LinuxH.O_TRUNC();
  public static final int O_NONBLOCK = LinuxH.O_NONBLOCK();
  public static final int O_NOCTTY = LinuxH.O_NOCTTY();

  /**
   * Opens no file but names one: its contents cannot be read, and no permission to it is needed.
   */
  public static final int O_PATH = LinuxH.O_PATH();

  private static final int OWNER_ONLY = 0600;

  private final int value;
  private final AtomicBoolean closed = new AtomicBoolean();

  private FileDescriptor(int value) {
    this.value = value;
  }

  /** Takes ownership of a descriptor that a system call has just returned. */
  public static FileDescriptor owning(int value) {
    if (value < 0) {
      throw new IllegalArgumentException("not a file descriptor: " + value);
    }
    return new FileDescriptor(value);
  }

  /**
   * Opens a file, close-on-exec; one that is created gets mode 0600.
   *
   * @param flags {@code O_*} of this class
   * @throws ErrnoException as open(2): ENOENT, EACCES, …
   */
  public static FileDescriptor open(Path path, int flags) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      int fd =
          IoCalls.open(arena.allocateFrom(path.toString()), flags | LinuxH.O_CLOEXEC(), OWNER_ONLY);
      if (fd < 0) {
        throw new ErrnoException("open", -fd, path.toString());
      }
      return new FileDescriptor(fd);
    }
  }

  /** Returns the number, for calls that take one. It stays this object's to close. */
  public int value() {
    return value;
  }

  /**
   * Reads up to the whole of a native segment.
   *
   * @return the number of bytes read, 0 at the end of the file
   * @throws ErrnoException as read(2); EINTR is retried, EAGAIN is thrown
   */
  public long read(MemorySegment buffer) throws ErrnoException {
    while (true) {
      long count = IoCalls.read(value, buffer, buffer.byteSize());
      if (count >= 0) {
        return count;
      }
      if (count != -Errno.EINTR) {
        throw new ErrnoException("read", (int) -count, "fd " + value);
      }
    }
  }

  /**
   * Writes up to the whole of a native segment.
   *
   * @return the number of bytes written, which may be fewer than asked
   * @throws ErrnoException as write(2); EINTR is retried, EAGAIN is thrown
   */
  public long write(MemorySegment buffer) throws ErrnoException {
    while (true) {
      long count = IoCalls.write(value, buffer, buffer.byteSize());
      if (count >= 0) {
        return count;
      }
      if (count != -Errno.EINTR) {
        throw new ErrnoException("write", (int) -count, "fd " + value);
      }
    }
  }

  /**
   * Closes the file; the second time it does nothing. Linux frees the number whatever close(2)
   * returns.
   *
   * @throws UncheckedIOException with an {@link ErrnoException} in it: EBADF, EIO, ENOSPC, EDQUOT
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    int result = IoCalls.close(value);
    if (result < 0 && result != -Errno.EINTR) {
      throw new UncheckedIOException(new ErrnoException("close", -result, "fd " + value));
    }
  }

  @Override
  public String toString() {
    return "fd " + value;
  }
}
