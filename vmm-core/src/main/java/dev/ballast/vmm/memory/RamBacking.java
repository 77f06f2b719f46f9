package dev.ballast.vmm.memory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** The host memory behind guest RAM: maps it, gives it back, and finds what is populated. */
public interface RamBacking extends AutoCloseable {
  /** Returns the whole mapping; its scope is shared and ends with {@link #close}. */
  MemorySegment segment();

  /**
   * Returns the unit in which {@link #discard} gives memory back, in bytes: a power of two, 4096 or
   * more.
   */
  default long hostPageSize() {
    return RamBlock.PAGE_SIZE;
  }

  /**
   * Returns whether reading a page without host memory populates it; see {@link
   * RamBlock#readingPopulates}.
   */
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
   * Prepares for a guest that arrives page by page: a transparent huge page for one of them would
   * also populate those beside it, which the guest may have given back. From now on only {@link
   * #populate} makes huge pages.
   *
   * @throws IOException if the kernel refused
   */
  default void startReceiving() throws IOException {}

  /**
   * Ends {@link #startReceiving}: all that the guest has is here.
   *
   * @throws IOException if the kernel refused; small pages are used then
   */
  default void endReceiving() throws IOException {}

  /**
   * Populates a range with host memory at once, because all of it is about to be written. Uses a
   * huge page for each aligned 2 MiB where the backing may have them.
   *
   * @param offset in bytes, a multiple of 4096
   * @param length in bytes, a multiple of 4096
   * @throws IOException if the host has no memory for it
   */
  default void populate(long offset, long length) throws IOException {}

  /**
   * Adds the pages of a range that have host memory; touches none. A page of the range that is not
   * added reads as zero.
   *
   * @param firstPage the first page of the range, in units of 4096 bytes of the backing
   * @param pages how many
   * @param into one bit per 4 KiB of the backing; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  void addPopulated(long firstPage, long pages, PageBitmap into) throws IOException;

  /**
   * Adds all pages that have host memory; touches none. A page that is not added reads as zero.
   *
   * @param into one bit per 4 KiB of the backing; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  default void addPopulated(PageBitmap into) throws IOException {
    addPopulated(0, segment().byteSize() / RamBlock.PAGE_SIZE, into);
  }

  /**
   * Adds the pages of a range whose content the host has lost to a memory error that it knows of:
   * whoever reads one gets SIGBUS, a system call EHWPOISON or EFAULT. Touches no others. Needs
   * Linux 5.14; with huge pages of the pool, 6.7.
   *
   * @param firstPage the first page of the range, in units of 4096 bytes of the backing
   * @param pages how many
   * @param into one bit per 4 KiB of the backing; bits are only ever set
   * @return whether there are any
   * @throws IOException if the kernel's page map cannot be read
   */
  default boolean addPoisoned(long firstPage, long pages, PageBitmap into) throws IOException {
    return false;
  }

  /** Unmaps the memory. All its users must have ended: vCPUs joined, devices closed. */
  @Override
  void close();
}
