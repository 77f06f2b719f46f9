package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** Sets of processors and of memory nodes as system calls take them: bits in 64-bit words. */
final class BitMask {
  private BitMask() {}

  static MemorySegment allocate(Arena arena, int bits) {
    return arena.allocate(JAVA_LONG, Math.ceilDiv(bits, Long.SIZE));
  }

  static MemorySegment of(Arena arena, NumberSet set) {
    MemorySegment mask = allocate(arena, set.end());
    for (int number : set.numbers()) {
      long word = mask.getAtIndex(JAVA_LONG, number / Long.SIZE);
      mask.setAtIndex(JAVA_LONG, number / Long.SIZE, word | 1L << number);
    }
    return mask;
  }

  static NumberSet read(MemorySegment mask) {
    int bits = Math.toIntExact(mask.byteSize() * Byte.SIZE);
    return new NumberSet(
        IntStream.range(0, bits)
            .filter(bit -> (mask.getAtIndex(JAVA_LONG, bit / Long.SIZE) >>> bit & 1) != 0)
            .boxed()
            .toList());
  }
}
