package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.NumberSet;
import java.io.IOException;

/**
 * What guest RAM is made of.
 *
 * @param bytes its size, a multiple of {@link GuestMemory#SIZE_ALIGNMENT} and of the size of {@code
 *     pages}
 * @param kind the kind of host memory
 * @param pages the kind of host pages
 * @param reserve whether the host must reserve all of it at the start
 */
public record RamConfig(long bytes, Kind kind, HostPages pages, boolean reserve) {
  /** Kinds of host memory. */
  public enum Kind {
    /** Private to the process. */
    ANONYMOUS,
    /** A memory file, memfd_create(2), which other processes could map. */
    MEMFD
  }

  /** Checks the size. */
  public RamConfig {
    long unit = unit(pages);
    if (bytes <= 0 || bytes % unit != 0) {
      throw new IllegalArgumentException(
          "memory of %d bytes: must be a multiple of %d MiB".formatted(bytes, unit >> 20));
    }
  }

  private static long unit(HostPages pages) {
    return Math.max(GuestMemory.SIZE_ALIGNMENT, pages.size());
  }

  /** Returns what its size, and that of its parts, is a multiple of, in bytes. */
  public long unit() {
    return unit(pages);
  }

  /** Returns a configuration of anonymous memory with transparent huge pages, not reserved. */
  public static RamConfig anonymous(long bytes) {
    return new RamConfig(bytes, Kind.ANONYMOUS, HostPages.TRANSPARENT_HUGE, false);
  }

  /**
   * Checks that the pool of huge pages has enough on some nodes of the host: a guest that is bound
   * to them would otherwise end when it touches memory. Does nothing for ordinary pages.
   *
   * @param nodes the nodes
   * @param onThem how much of the memory is to be there, in bytes
   * @throws IOException if not, with a message for the user
   */
  public void requirePool(NumberSet nodes, long onThem) throws IOException {
    if (pages.pooled()) {
      new HugePagePool(pages).requireOn(nodes, onThem);
    }
  }

  /**
   * Maps it; none of it is populated.
   *
   * @throws IOException if the host has not enough, with a message for the user
   */
  public RamBacking open() throws IOException {
    return switch (kind) {
      case ANONYMOUS -> new AnonymousRam(bytes, pages, reserve);
      case MEMFD -> new MemfdRam(bytes, pages, reserve);
    };
  }
}
