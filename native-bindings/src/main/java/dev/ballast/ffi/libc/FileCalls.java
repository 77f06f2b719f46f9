package dev.ballast.ffi.libc;

import static dev.ballast.ffi.libc.Downcalls.call;
import static dev.ballast.ffi.libc.Downcalls.result;
import static dev.ballast.ffi.libc.Downcalls.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Calls on the contents of files. They return and behave as {@link Downcalls} says. */
public final class FileCalls {
  private static final MethodHandle PREAD =
      call("pread", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle LSEEK = call("lseek", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
  private static final MethodHandle FTRUNCATE = call("ftruncate", JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle FALLOCATE =
      call("fallocate", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MEMFD_CREATE =
      call("memfd_create", JAVA_INT, ADDRESS, JAVA_INT);

  private FileCalls() {}

  /** pread(2). */
  public static long pread(int fd, MemorySegment buffer, long length, long offset) {
    try {
      MemorySegment state = CallState.current();
      return result((long) PREAD.invokeExact(state, fd, buffer, length, offset), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** lseek(2). */
  public static long lseek(int fd, long offset, int whence) {
    try {
      MemorySegment state = CallState.current();
      return result((long) LSEEK.invokeExact(state, fd, offset, whence), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** ftruncate(2). */
  public static int ftruncate(int fd, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((int) FTRUNCATE.invokeExact(state, fd, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** fallocate(2). */
  public static int fallocate(int fd, int mode, long offset, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((int) FALLOCATE.invokeExact(state, fd, mode, offset, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** memfd_create(2). */
  public static int memfdCreate(MemorySegment name, int flags) {
    try {
      MemorySegment state = CallState.current();
      return result((int) MEMFD_CREATE.invokeExact(state, name, flags), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }
}
