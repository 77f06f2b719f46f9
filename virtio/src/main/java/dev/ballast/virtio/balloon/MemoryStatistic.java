package dev.ballast.virtio.balloon;

import java.util.Optional;

/** What a guest can tell of its memory (virtio v1.3 §5.5.6.4). */
public enum MemoryStatistic {
  /** Memory swapped in, in bytes. */
  SWAP_IN,
  /** Memory swapped out, in bytes. */
  SWAP_OUT,
  /** Page faults that needed disk I/O. */
  MAJOR_FAULTS,
  /** Page faults that did not. */
  MINOR_FAULTS,
  /** Memory not used for anything, in bytes. */
  FREE_MEMORY,
  /** All memory that the guest knows of, in bytes; the balloon's is not in it. */
  TOTAL_MEMORY,
  /** An estimate of what new programs could have without swapping, in bytes. */
  AVAILABLE_MEMORY,
  /** Memory in disk caches that can be taken without I/O, in bytes. */
  DISK_CACHES,
  /** Huge pages allocated. */
  HTLB_PGALLOC,
  /** Huge pages that could not be allocated. */
  HTLB_PGFAIL;

  /** The specification numbers them in the order above, from 0 on. */
  private static final MemoryStatistic[] BY_TAG = values();

  /** Returns what a driver means by a tag; empty when it means nothing known. */
  static Optional<MemoryStatistic> ofTag(int tag) {
    return tag < BY_TAG.length ? Optional.of(BY_TAG[tag]) : Optional.empty();
  }
}
