package dev.ballast.vmm.memory;

/**
 * A guest physical address (GPA).
 *
 * @param value the address in bytes, unsigned
 */
public record GuestAddress(long value) implements Comparable<GuestAddress> {
  @Override
  public int compareTo(GuestAddress other) {
    return Long.compareUnsigned(value, other.value);
  }

  /** Returns the address {@code bytes} further on; wraps like the hardware's adder does. */
  public GuestAddress plus(long bytes) {
    return new GuestAddress(value + bytes);
  }

  @Override
  public String toString() {
    return "0x" + Long.toHexString(value);
  }
}
