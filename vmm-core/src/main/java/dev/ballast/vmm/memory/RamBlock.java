package dev.ballast.vmm.memory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A named range of host memory that migrates. {@value #RAM} is the guest's memory; {@value
 * #BALLOON_BITMAP} is not visible to the guest.
 */
public interface RamBlock {
  /** The name of the block that is the guest's memory. */
  String RAM = "ram";

  /** The name of the block that holds one bit per 4 KiB of {@value #RAM}, 1 = in the balloon. */
  String BALLOON_BITMAP = "balloon-bitmap";

  /** The size of a page in bytes; one bit of a dirty log stands for one page. */
  int PAGE_SIZE = 4096;

  /** The least that {@link #protectBytes} returns. */
  long MIN_PROTECT_BYTES = 32L << 20;

  /** The most that {@link #protectBytes} returns. */
  long MAX_PROTECT_BYTES = 1L << 30;

  /** Returns the name; unique in a machine. */
  String name();

  /** Returns the size in bytes, a multiple of {@value #PAGE_SIZE}. */
  long size();

  /** Returns the host memory, {@link #size} bytes. */
  MemorySegment memory();

  /**
   * Starts to log which pages are written. Writes before that are not in the log: the caller first
   * treats every page as dirty.
   *
   * @throws IOException if KVM refused
   */
  void startDirtyLog() throws IOException;

  /**
   * Stops the log. Does nothing when the log is not running.
   *
   * @throws IOException if KVM refused
   */
  void stopDirtyLog() throws IOException;

  /**
   * Fetches which pages vCPUs and the VMM have written. Writes of the VMM are removed from the log;
   * those of vCPUs stay until the page is protected. A page that has not been protected since the
   * log was started may be reported without having been written.
   *
   * @param into one bit per page, empty, and not accessed by others during the call
   * @throws IOException if KVM refused
   */
  void fetchDirtyLog(PageBitmap into) throws IOException;

  /**
   * Write-protects pages, so that the log records the next write to them again. Call it before the
   * content of fetched pages is read. Several threads may call it at the same time, for different
   * words.
   *
   * @param pages one bit per page
   * @param fromWord the first word of {@code pages} to look at
   * @param toWord the word after the last
   * @throws IOException if KVM refused
   */
  default void protectDirty(PageBitmap pages, long fromWord, long toWord) throws IOException {}

  /**
   * Returns how much of the block is best protected by one call of {@link #protectDirty}, in bytes:
   * a power of two, {@link #MIN_PROTECT_BYTES} to {@link #MAX_PROTECT_BYTES}.
   */
  default long protectBytes() {
    return MIN_PROTECT_BYTES;
  }

  /**
   * Returns the unit in which {@link #discard} gives memory back to the host, in bytes: a power of
   * two, {@value #PAGE_SIZE} or more.
   */
  default long hostPageSize() {
    return PAGE_SIZE;
  }

  /**
   * Returns whether reading a page without host memory populates it. In private memory with small
   * pages it does not: such pages all read the kernel's zero page.
   */
  default boolean readingPopulates() {
    return false;
  }

  /**
   * Makes pages read as zero. Host pages that lie wholly in the range are given back; of the others
   * the part in the range is overwritten, which populates them.
   *
   * @param firstPage the first page
   * @param pages how many
   * @throws IOException if the kernel refused
   */
  void discard(long firstPage, long pages) throws IOException;

  /**
   * Announces that all of a range is about to be written for the first time, so that host memory
   * can be allocated for it at once instead of fault by fault. The content stays. A hint: doing
   * nothing is correct.
   *
   * @param firstPage the first page
   * @param pages how many
   * @throws IOException if the host has no memory for it
   */
  default void populate(long firstPage, long pages) throws IOException {}

  /**
   * Adds the pages of a range that have host memory; a page of the range that is not added reads as
   * zero.
   *
   * @param firstPage the first page
   * @param pages how many
   * @param into one bit per page of the block; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  void addPopulated(long firstPage, long pages, PageBitmap into) throws IOException;

  /**
   * Adds all pages that have host memory; a page that is not added reads as zero.
   *
   * @param into one bit per page; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  default void addPopulated(PageBitmap into) throws IOException {
    addPopulated(0, pages(), into);
  }

  /**
   * Adds the pages of a range whose content the host has lost to a memory error that it knows of:
   * they cannot be read.
   *
   * @param firstPage the first page
   * @param pages how many
   * @param into one bit per page of the block; bits are only ever set
   * @return whether there are any
   * @throws IOException if the kernel's page map cannot be read
   */
  default boolean addPoisoned(long firstPage, long pages, PageBitmap into) throws IOException {
    return false;
  }

  /**
   * Returns where a page is for people: a guest physical address in guest RAM, an offset in other
   * blocks, in bytes.
   *
   * @param page of the block
   */
  default long addressOf(long page) {
    return page * PAGE_SIZE;
  }

  /** Returns how many pages the block has. */
  default long pages() {
    return size() / PAGE_SIZE;
  }
}
