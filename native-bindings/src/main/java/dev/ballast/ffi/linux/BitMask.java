package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/** Sets of processors and of memory nodes as the kernel takes them: bits in 64-bit words. */
final class BitMask {
  private BitMask() {}

  static MemorySegment allocate(Arena arena, int bits) {
    return arena.allocate(JAVA_LONG, Math.ceilDiv(bits, Long.SIZE));
  }

  static MemorySegment of(Arena arena, BitSet set) {
    MemorySegment mask = allocate(arena, set.length());
    long[] words = set.toLongArray();
    MemorySegment.copy(words, 0, mask, JAVA_LONG, 0, words.length);
    return mask;
  }

  static BitSet read(MemorySegment mask) {
    return BitSet.valueOf(mask.toArray(JAVA_LONG));
  }
}
