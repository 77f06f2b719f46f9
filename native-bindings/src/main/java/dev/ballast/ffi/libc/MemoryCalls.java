package dev.ballast.ffi.libc;

import static dev.ballast.ffi.libc.Downcalls.call;
import static dev.ballast.ffi.libc.Downcalls.result;
import static dev.ballast.ffi.libc.Downcalls.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Calls on the address space of this process. They return and behave as {@link Downcalls} says. */
public final class MemoryCalls {
  private static final MethodHandle MMAP =
      call("mmap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle MUNMAP = call("munmap", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MADVISE =
      call("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);

  /** Rarely needed, so it is linked when it is first called. */
  private static final class Mincore {
    static final MethodHandle CALL = call("mincore", JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS);
  }

  private MemoryCalls() {}

  /** mmap(2). User addresses are positive, so -errno cannot be one. */
  public static long mmap(
      long address, long length, int protection, int flags, int fd, long offset) {
    try {
      MemorySegment state = CallState.current();
      return result(
          (long) MMAP.invokeExact(state, address, length, protection, flags, fd, offset), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** munmap(2). */
  public static int munmap(long address, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((int) MUNMAP.invokeExact(state, address, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** madvise(2). */
  public static int madvise(long address, long length, int advice) {
    try {
      MemorySegment state = CallState.current();
      return result((int) MADVISE.invokeExact(state, address, length, advice), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** mincore(2). */
  public static int mincore(long address, long length, MemorySegment bytes) {
    try {
      MemorySegment state = CallState.current();
      return result((int) Mincore.CALL.invokeExact(state, address, length, bytes), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }
}
