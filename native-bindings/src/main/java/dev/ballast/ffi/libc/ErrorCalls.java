package dev.ballast.ffi.libc;

import static dev.ballast.ffi.libc.Downcalls.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Calls that return the name and the description of an errno. They do not fail; each allocates its
 * string.
 */
public final class ErrorCalls {
  private static final MethodHandle STRERRORNAME =
      Downcalls.plain("strerrorname_np", FunctionDescriptor.of(ADDRESS, JAVA_INT));
  private static final MethodHandle STRERRORDESC =
      Downcalls.plain("strerrordesc_np", FunctionDescriptor.of(ADDRESS, JAVA_INT));

  private ErrorCalls() {}

  /** strerrorname_np(3), for instance {@code ENOENT}; null for a number that has no name. */
  public static @Nullable String strerrorname(int errno) {
    try {
      return string((MemorySegment) STRERRORNAME.invokeExact(errno));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /**
   * strerrordesc_np(3), for instance {@code No such file or directory}; null for an unknown number.
   */
  public static @Nullable String strerrordesc(int errno) {
    try {
      return string((MemorySegment) STRERRORDESC.invokeExact(errno));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static @Nullable String string(MemorySegment pointer) {
    return pointer.address() == 0 ? null : pointer.reinterpret(Long.MAX_VALUE).getString(0);
  }
}
