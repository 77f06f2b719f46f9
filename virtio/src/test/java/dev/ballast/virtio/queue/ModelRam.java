package dev.ballast.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/** Guest RAM from address 0 on as a plain array, and which pages the VMM wrote. */
final class ModelRam {
  private final byte[] bytes;
  private final BitSet dirty = new BitSet();

  ModelRam(int size) {
    bytes = new byte[size];
  }

  byte get(int address) {
    return bytes[address];
  }

  void vmmWrites(int address, byte value) {
    bytes[address] = value;
    dirty.set(address / 4096);
  }

  void guestWrites(int address, byte[] from) {
    System.arraycopy(from, 0, bytes, address, from.length);
  }

  BitSet dirty() {
    return dirty;
  }

  MemorySegment segment() {
    return MemorySegment.ofArray(bytes);
  }
}
