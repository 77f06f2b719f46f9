package dev.ballast.vmm.memory;

/**
 * A contiguous piece of guest RAM.
 *
 * @param guestAddress the first guest physical address in bytes
 * @param size in bytes, a multiple of 2 MiB
 * @param ramOffset where it starts in the {@code ram} block, in bytes
 */
public record MemoryRegion(long guestAddress, long size, long ramOffset) {
  /** Returns the first guest physical address past the region. */
  public long guestEnd() {
    return guestAddress + size;
  }
}
