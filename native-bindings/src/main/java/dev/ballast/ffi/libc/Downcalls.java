package dev.ballast.ffi.libc;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * How the calls of this package are made. jextract cannot capture errno, so they are declared here
 * by hand; they are spread over classes because each signature takes milliseconds to link, and a
 * class links its own when it is first used.
 *
 * <p>Every call returns what the C library returned, or {@code -errno} where that failed. None
 * allocates on the heap once it is compiled and its thread has its {@link CallState}, and none is a
 * {@code critical} call, so all may block.
 */
public final class Downcalls {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");

  private Downcalls() {}

  static MethodHandle call(String name, MemoryLayout result, MemoryLayout... arguments) {
    return LINKER.downcallHandle(address(name), FunctionDescriptor.of(result, arguments), ERRNO);
  }

  static MethodHandle call(
      String name, MemoryLayout result, Linker.Option option, MemoryLayout... arguments) {
    return LINKER.downcallHandle(
        address(name), FunctionDescriptor.of(result, arguments), ERRNO, option);
  }

  /** Links a function that does not set errno. */
  static MethodHandle plain(String name, FunctionDescriptor signature) {
    return LINKER.downcallHandle(address(name), signature);
  }

  /** Returns the address of the C library's function {@code name}. */
  public static MemorySegment address(String name) {
    return LINKER.defaultLookup().findOrThrow(name);
  }

  static int result(int value, MemorySegment state) {
    return value == -1 ? -CallState.errno(state) : value;
  }

  static long result(long value, MemorySegment state) {
    return value == -1 ? -CallState.errno(state) : value;
  }

  /**
   * A downcall declares {@code Throwable} but throws only what the caller did wrong: an unchecked
   * exception.
   */
  static AssertionError unexpected(Throwable thrown) {
    switch (thrown) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new AssertionError("a downcall threw a checked exception", thrown);
    }
  }
}
