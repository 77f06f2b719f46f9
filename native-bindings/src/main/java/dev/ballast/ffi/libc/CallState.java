package dev.ballast.ffi.libc;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;

/** Where a downcall leaves errno: one segment a thread, or one that a caller owns. */
public final class CallState {
  private static final StructLayout LAYOUT = Linker.Option.captureStateLayout();
  private static final long ERRNO = LAYOUT.byteOffset(PathElement.groupElement("errno"));

  private static final ThreadLocal<MemorySegment> CURRENT =
      ThreadLocal.withInitial(() -> allocate(Arena.ofAuto()));

  private CallState() {}

  /** Allocates a segment for one caller, which uses it from one thread at a time. */
  public static MemorySegment allocate(Arena arena) {
    return arena.allocate(LAYOUT);
  }

  /** Returns the calling thread's segment. */
  static MemorySegment current() {
    return CURRENT.get();
  }

  static int errno(MemorySegment state) {
    return state.get(JAVA_INT, ERRNO);
  }
}
