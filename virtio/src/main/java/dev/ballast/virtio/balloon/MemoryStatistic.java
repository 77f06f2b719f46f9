package dev.ballast.virtio.balloon;

import java.util.Optional;

/** The memory statistics that a guest can report (virtio v1.3 §5.5.6.4). */
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
  /** All memory that the guest has, in bytes, without that in the balloon. */
  TOTAL_MEMORY,
  /** An estimate of the memory that new programs could use without swapping, in bytes. */
  AVAILABLE_MEMORY,
  /** Memory in disk caches that can be reclaimed without I/O, in bytes. */
  DISK_CACHES,
  /** Huge pages allocated. */
  HTLB_PGALLOC,
  /** Huge pages that could not be allocated. */
  HTLB_PGFAIL;

  /** The specification numbers them in the order above, from 0 on. */
  private static final MemoryStatistic[] BY_TAG = values();

  /** Returns the statistic with a tag, 0 to 65535; empty if the tag is unknown. */
  static Optional<MemoryStatistic> ofTag(int tag) {
    return tag < BY_TAG.length ? Optional.of(BY_TAG[tag]) : Optional.empty();
  }
}
