package dev.ballast.ffi.libc;

import static dev.ballast.ffi.libc.Downcalls.call;
import static dev.ballast.ffi.libc.Downcalls.result;
import static dev.ballast.ffi.libc.Downcalls.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Calls on open files that every machine makes. They return and behave as {@link Downcalls} says.
 */
public final class IoCalls {
  /** For {@code int f(int, unsigned long, ...)}: the arguments from this one on are variadic. */
  private static final Linker.Option VARIADIC_FROM_2 = Linker.Option.firstVariadicArg(2);

  private static final MethodHandle IOCTL_VALUE =
      call("ioctl", JAVA_INT, VARIADIC_FROM_2, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle IOCTL_POINTER =
      call("ioctl", JAVA_INT, VARIADIC_FROM_2, JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle OPEN =
      call("open", JAVA_INT, VARIADIC_FROM_2, ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle CLOSE = call("close", JAVA_INT, JAVA_INT);
  private static final MethodHandle READ = call("read", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle WRITE = call("write", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle EVENTFD = call("eventfd", JAVA_INT, JAVA_INT, JAVA_INT);

  private IoCalls() {}

  /** ioctl(2) with an integer argument, and errno in a segment that the caller owns. */
  public static int ioctl(MemorySegment state, int fd, long request, long argument) {
    try {
      return result((int) IOCTL_VALUE.invokeExact(state, fd, request, argument), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** ioctl(2) with an integer argument. */
  public static int ioctl(int fd, long request, long argument) {
    return ioctl(CallState.current(), fd, request, argument);
  }

  /** ioctl(2) with a pointer argument. */
  public static int ioctl(int fd, long request, MemorySegment argument) {
    try {
      MemorySegment state = CallState.current();
      return result((int) IOCTL_POINTER.invokeExact(state, fd, request, argument), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** open(2). */
  public static int open(MemorySegment path, int flags, int mode) {
    try {
      MemorySegment state = CallState.current();
      return result((int) OPEN.invokeExact(state, path, flags, mode), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** close(2). */
  public static int close(int fd) {
    try {
      MemorySegment state = CallState.current();
      return result((int) CLOSE.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** read(2). */
  public static long read(int fd, MemorySegment buffer, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((long) READ.invokeExact(state, fd, buffer, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** write(2). */
  public static long write(int fd, MemorySegment buffer, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((long) WRITE.invokeExact(state, fd, buffer, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** eventfd(2). */
  public static int eventfd(int initial, int flags) {
    try {
      MemorySegment state = CallState.current();
      return result((int) EVENTFD.invokeExact(state, initial, flags), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }
}
