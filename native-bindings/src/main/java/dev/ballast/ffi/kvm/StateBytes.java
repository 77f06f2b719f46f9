package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Copies between byte arrays, as state is stored and sent, and heap segments that are aligned like
 * the kernel's structs.
 */
final class StateBytes {
  private StateBytes() {}

  /** Allocates a heap segment aligned to 8 bytes; {@code size} is a multiple of 8. */
  static MemorySegment allocate(int size) {
    return MemorySegment.ofArray(new long[size / Long.BYTES]);
  }

  static byte[] of(MemorySegment segment) {
    return segment.toArray(JAVA_BYTE);
  }

  static void copy(byte[] state, MemorySegment to) {
    if (state.length != to.byteSize()) {
      throw new IllegalArgumentException(
          "state of " + state.length + " bytes, expected " + to.byteSize());
    }
    MemorySegment.copy(state, 0, to, JAVA_BYTE, 0, state.length);
  }
}
