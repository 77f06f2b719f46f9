package dev.ballast.ffi.libc;

import static dev.ballast.ffi.libc.Downcalls.call;
import static dev.ballast.ffi.libc.Downcalls.result;
import static dev.ballast.ffi.libc.Downcalls.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Calls on pseudoterminals. They return and behave as {@link Downcalls} says. */
public final class TerminalCalls {
  private static final MethodHandle POSIX_OPENPT = call("posix_openpt", JAVA_INT, JAVA_INT);
  private static final MethodHandle GRANTPT = call("grantpt", JAVA_INT, JAVA_INT);
  private static final MethodHandle UNLOCKPT = call("unlockpt", JAVA_INT, JAVA_INT);
  private static final MethodHandle PTSNAME_R =
      call("ptsname_r", JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle TCGETATTR = call("tcgetattr", JAVA_INT, JAVA_INT, ADDRESS);
  private static final MethodHandle TCSETATTR =
      call("tcsetattr", JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS);
  private static final MethodHandle CFMAKERAW =
      Downcalls.plain("cfmakeraw", FunctionDescriptor.ofVoid(ADDRESS));

  private TerminalCalls() {}

  /** posix_openpt(3). */
  public static int posixOpenpt(int flags) {
    try {
      MemorySegment state = CallState.current();
      return result((int) POSIX_OPENPT.invokeExact(state, flags), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** grantpt(3). */
  public static int grantpt(int fd) {
    try {
      MemorySegment state = CallState.current();
      return result((int) GRANTPT.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** unlockpt(3). */
  public static int unlockpt(int fd) {
    try {
      MemorySegment state = CallState.current();
      return result((int) UNLOCKPT.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** ptsname_r(3), which returns its error number instead of setting errno. */
  public static int ptsname(int fd, MemorySegment buffer, long length) {
    try {
      return -(int) PTSNAME_R.invokeExact(CallState.current(), fd, buffer, length);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** tcgetattr(3). */
  public static int tcgetattr(int fd, MemorySegment termios) {
    try {
      MemorySegment state = CallState.current();
      return result((int) TCGETATTR.invokeExact(state, fd, termios), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** tcsetattr(3). */
  public static int tcsetattr(int fd, int when, MemorySegment termios) {
    try {
      MemorySegment state = CallState.current();
      return result((int) TCSETATTR.invokeExact(state, fd, when, termios), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** cfmakeraw(3), which cannot fail. */
  public static void cfmakeraw(MemorySegment termios) {
    try {
      CFMAKERAW.invokeExact(termios);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }
}
