package dev.ballast.vmm.memory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** The host memory behind guest RAM: how it is mapped, given back and looked up. */
public interface RamBacking extends AutoCloseable {
  /** Returns the whole mapping; its scope is shared and ends with {@link #close}. */
  MemorySegment segment();

  /**
   * Returns the least that {@link #discard} can give back, in bytes: a power of two, 4096 or more.
   */
  default long hostPageSize() {
    return RamBlock.PAGE_SIZE;
  }

  /** Returns whether reading a page without host memory gets it some; see {@link RamBlock}. */
  default boolean readingPopulates() {
    return hostPageSize() > RamBlock.PAGE_SIZE;
  }

  /**
   * Gives host memory back: the range reads as zero afterwards.
   *
   * @param offset in bytes, a multiple of {@link #hostPageSize}
   * @param length in bytes, a multiple of {@link #hostPageSize}
   * @throws IOException if the kernel refused; the content is then unspecified
   */
  void discard(long offset, long length) throws IOException;

  /**
   * Populates a range with host memory at once, because all of it is about to be written. A whole
   * huge page becomes one where the backing may have them.
   *
   * @param offset in bytes, a multiple of 4096
   * @param length in bytes, a multiple of 4096
   * @throws IOException if the host has no memory for it
   */
  default void populate(long offset, long length) throws IOException {}

  /**
   * Adds the pages of a range that have host memory behind them; touches none. A page of it that is
   * not added reads as zero.
   *
   * @param firstPage the first page of the range, in units of 4096 bytes of the backing
   * @param pages how many
   * @param into one bit per 4 KiB of the backing; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  void addPopulated(long firstPage, long pages, PageBitmap into) throws IOException;

  /**
   * Adds all pages that have host memory behind them; touches none. A page that is not added reads
   * as zero.
   *
   * @param into one bit per 4 KiB of the backing; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  default void addPopulated(PageBitmap into) throws IOException {
    addPopulated(0, segment().byteSize() / RamBlock.PAGE_SIZE, into);
  }

  /** Unmaps. All users must be gone: vCPUs joined, devices closed. */
  @Override
  void close();
}
