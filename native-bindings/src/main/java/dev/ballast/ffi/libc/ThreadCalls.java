package dev.ballast.ffi.libc;

import static dev.ballast.ffi.libc.Downcalls.call;
import static dev.ballast.ffi.libc.Downcalls.result;
import static dev.ballast.ffi.libc.Downcalls.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Calls on threads and signals. They return and behave as {@link Downcalls} says. */
public final class ThreadCalls {
  private static final MethodHandle GETPID = call("getpid", JAVA_INT);
  private static final MethodHandle GETTID = call("gettid", JAVA_INT);
  private static final MethodHandle TGKILL = call("tgkill", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle SIGACTION =
      call("sigaction", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);

  private ThreadCalls() {}

  /** getpid(2). */
  public static int getpid() {
    try {
      return (int) GETPID.invokeExact(CallState.current());
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** gettid(2). */
  public static int gettid() {
    try {
      return (int) GETTID.invokeExact(CallState.current());
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** tgkill(2). */
  public static int tgkill(int pid, int tid, int signal) {
    try {
      MemorySegment state = CallState.current();
      return result((int) TGKILL.invokeExact(state, pid, tid, signal), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** sigaction(2). */
  public static int sigaction(int signal, MemorySegment action, MemorySegment old) {
    try {
      MemorySegment state = CallState.current();
      return result((int) SIGACTION.invokeExact(state, signal, action, old), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }
}
