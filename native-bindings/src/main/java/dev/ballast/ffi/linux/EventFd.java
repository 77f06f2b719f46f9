package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.IoCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A 64-bit counter with a descriptor, eventfd(2): {@link #signal} adds one, reading returns the
 * count and clears it. Any thread may signal; one thread at a time may read. Signalling and reading
 * do not allocate.
 */
public final class EventFd implements AutoCloseable {
  private static final MemorySegment ONE =
      Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 1).asReadOnly();

  // EFD_CLOEXEC and EFD_NONBLOCK are defined as these (linux/eventfd.h).
  private static final int EFD_CLOEXEC = LinuxH.O_CLOEXEC();
  private static final int EFD_NONBLOCK = LinuxH.O_NONBLOCK();

  private final FileDescriptor file;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment count = arena.allocate(ValueLayout.JAVA_LONG);

  private EventFd(FileDescriptor file) {
    this.file = file;
  }

  /**
   * Creates a counter at 0, close-on-exec.
   *
   * @param nonblocking whether reading a counter that is 0 fails with EAGAIN instead of waiting
   * @throws ErrnoException as eventfd(2): EMFILE, ENFILE, ENOMEM
   */
  public static EventFd create(boolean nonblocking) throws ErrnoException {
    int fd = IoCalls.eventfd(0, nonblocking ? EFD_CLOEXEC | EFD_NONBLOCK : EFD_CLOEXEC);
    if (fd < 0) {
      throw new ErrnoException("eventfd", -fd, "");
    }
    return new EventFd(FileDescriptor.owning(fd));
  }

  /** Returns the descriptor, which stays this object's to close. */
  public int fd() {
    return file.value();
  }

  /**
   * Adds one to the counter.
   *
   * @throws ErrnoException as write(2)
   */
  public void signal() throws ErrnoException {
    long result;
    do {
      result = IoCalls.write(file.value(), ONE, Long.BYTES);
    } while (result == -Errno.EINTR);
    // A nonblocking counter that is full returns EAGAIN; its reader has a signal pending anyway.
    if (result < 0 && result != -Errno.EAGAIN) {
      throw new ErrnoException("write", (int) -result, "eventfd " + file.value());
    }
  }

  /**
   * Waits until the counter is not 0, then reads and clears it. A signal(7) does not end the wait.
   *
   * @return the count, more than 0
   * @throws ErrnoException as read(2); EAGAIN if the event file was created nonblocking and the
   *     counter is 0
   */
  public long await() throws ErrnoException {
    long taken = tryRead();
    if (taken == 0) {
      throw new ErrnoException("read", Errno.EAGAIN, "eventfd " + file.value());
    }
    return taken;
  }

  /**
   * Reads and clears the counter of an event file that was created nonblocking.
   *
   * @return the count, 0 when nothing was signalled
   * @throws ErrnoException as read(2)
   */
  public long tryRead() throws ErrnoException {
    long result;
    do {
      result = IoCalls.read(file.value(), count, Long.BYTES);
    } while (result == -Errno.EINTR);
    if (result == -Errno.EAGAIN) {
      return 0;
    }
    if (result < 0) {
      throw new ErrnoException("read", (int) -result, "eventfd " + file.value());
    }
    return count.get(ValueLayout.JAVA_LONG, 0);
  }

  /**
   * Closes it; the second time it does nothing. A thread that waits in {@link #await} must first be
   * woken by {@link #signal} and have returned.
   *
   * @throws IllegalStateException if a thread is still reading
   */
  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
    file.close();
  }
}
