package dev.ballast.ffi.libc;

import static dev.ballast.ffi.libc.Downcalls.call;
import static dev.ballast.ffi.libc.Downcalls.result;
import static dev.ballast.ffi.libc.Downcalls.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.generated.linux.LinuxH;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Calls that say on which processors and memory of the host something is to be. They return and
 * behave as {@link Downcalls} says.
 */
public final class PlacementCalls {
  private static final MethodHandle SCHED_SETAFFINITY =
      call("sched_setaffinity", JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle SCHED_GETAFFINITY =
      call("sched_getaffinity", JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);

  /** The C library has no functions for memory policies. */
  private static final class Syscall {
    static final MethodHandle MBIND =
        call(
            "syscall",
            JAVA_LONG,
            Linker.Option.firstVariadicArg(1),
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG);
    static final MethodHandle GET_MEMPOLICY =
        call(
            "syscall",
            JAVA_LONG,
            Linker.Option.firstVariadicArg(1),
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG);
  }

  private PlacementCalls() {}

  /** sched_setaffinity(2). */
  public static int schedSetaffinity(int tid, long size, MemorySegment mask) {
    try {
      MemorySegment state = CallState.current();
      return result((int) SCHED_SETAFFINITY.invokeExact(state, tid, size, mask), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** sched_getaffinity(2). */
  public static int schedGetaffinity(int tid, long size, MemorySegment mask) {
    try {
      MemorySegment state = CallState.current();
      return result((int) SCHED_GETAFFINITY.invokeExact(state, tid, size, mask), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** mbind(2). */
  public static long mbind(
      long address, long length, int mode, MemorySegment nodes, long maxNode, int flags) {
    try {
      MemorySegment state = CallState.current();
      long number = LinuxH.SYS_mbind();
      return result(
          (long)
              Syscall.MBIND.invokeExact(
                  state, number, address, length, (long) mode, nodes, maxNode, (long) flags),
          state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** get_mempolicy(2). */
  public static long getMempolicy(
      MemorySegment mode, MemorySegment nodes, long maxNode, long address, int flags) {
    try {
      MemorySegment state = CallState.current();
      long number = LinuxH.SYS_get_mempolicy();
      return result(
          (long)
              Syscall.GET_MEMPOLICY.invokeExact(
                  state, number, mode, nodes, maxNode, address, (long) flags),
          state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }
}
