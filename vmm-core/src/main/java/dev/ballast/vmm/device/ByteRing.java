package dev.ballast.vmm.device;

/** A bounded queue of bytes. Not thread-safe. */
final class ByteRing {
  private final byte[] bytes;
  private int head;
  private int size;

  /**
   * @param capacity how many bytes it holds
   */
  ByteRing(int capacity) {
    this.bytes = new byte[capacity];
  }

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  boolean isFull() {
    return size == bytes.length;
  }

  void clear() {
    size = 0;
  }

  /** Adds a byte at the end; there must be room. */
  void add(byte value) {
    if (isFull()) {
      throw new IllegalStateException("ring of " + bytes.length + " bytes is full");
    }
    bytes[(head + size) % bytes.length] = value;
    size++;
  }

  /** Adds bytes at the end; there must be room. */
  void addAll(byte[] values) {
    for (byte value : values) {
      add(value);
    }
  }

  /** Returns the first byte; there must be one. */
  byte peek() {
    if (isEmpty()) {
      throw new IllegalStateException("ring is empty");
    }
    return bytes[head];
  }

  /** Removes and returns the first byte; there must be one. */
  byte remove() {
    byte value = peek();
    head = (head + 1) % bytes.length;
    size--;
    return value;
  }

  /** Removes as many bytes as there are, at most {@code into.length}; returns how many. */
  int removeInto(byte[] into) {
    int count = Math.min(size, into.length);
    for (int i = 0; i < count; i++) {
      into[i] = remove();
    }
    return count;
  }

  /** Returns a copy of all bytes, first to last. */
  byte[] toByteArray() {
    byte[] copy = new byte[size];
    for (int i = 0; i < size; i++) {
      copy[i] = bytes[(head + i) % bytes.length];
    }
    return copy;
  }
}
