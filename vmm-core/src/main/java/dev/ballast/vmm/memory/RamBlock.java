package dev.ballast.vmm.memory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * A named range of host memory that migrates. {@value #RAM} is what the guest sees; {@value
 * #BALLOON_BITMAP} is known to the host only.
 */
public interface RamBlock {
  /** The name of the block that is the guest's memory. */
  String RAM = "ram";

  /** The name of the block that holds one bit per 4 KiB of {@value #RAM}, 1 = in the balloon. */
  String BALLOON_BITMAP = "balloon-bitmap";

  /** The size of a page, which is what one bit of a dirty log stands for, in bytes. */
  int PAGE_SIZE = 4096;

  /** Returns the name; unique in a machine. */
  String name();

  /** Returns the size in bytes, a multiple of {@value #PAGE_SIZE}. */
  long size();

  /** Returns the host memory, {@link #size} bytes. */
  MemorySegment memory();

  /**
   * Starts to log which pages are written. Pages written before may not be in the log: the caller
   * counts every page as dirty once.
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
   * Moves the log of pages, written by vCPUs and by the VMM, into a bitmap. Those of vCPUs stay in
   * the log until they are protected; one that was not since the log was started may be in it
   * without having been written.
   *
   * @param into one bit per page, empty, and not accessed by others during the call
   * @throws IOException if KVM refused
   */
  void fetchDirtyLog(PageBitmap into) throws IOException;

  /**
   * Makes the log record writes to pages again from now on. To be called before the content of
   * fetched pages is read. Several threads may, for different words.
   *
   * @param pages one bit per page
   * @param fromWord the first word of {@code pages} to look at
   * @param toWord the word after the last
   * @throws IOException if KVM refused
   */
  default void protectDirty(PageBitmap pages, long fromWord, long toWord) throws IOException {}

  /**
   * Returns the least that {@link #discard} gives back to the host, in bytes: a power of two,
   * {@value #PAGE_SIZE} or more.
   */
  default long hostPageSize() {
    return PAGE_SIZE;
  }

  /**
   * Returns whether reading a page without host memory gets it some. Of private memory with small
   * pages it does not: they all read the kernel's one page of zeros.
   */
  default boolean readingPopulates() {
    return false;
  }

  /**
   * Makes pages read as zero. The host pages that lie in the range as a whole are given back; of
   * others the part in the range is overwritten, so that they become populated if they were not.
   *
   * @param firstPage the first page
   * @param pages how many
   * @throws IOException if the kernel refused
   */
  void discard(long firstPage, long pages) throws IOException;

  /**
   * Announces that all of a range is about to be written for the first time, so that host memory
   * can be had for it at once instead of fault by fault. The content stays; nothing depends on it.
   *
   * @param firstPage the first page
   * @param pages how many
   * @throws IOException if the host has no memory for it
   */
  default void populate(long firstPage, long pages) throws IOException {}

  /**
   * Adds the pages of a range that have host memory behind them; a page of it that is not added
   * reads as zero.
   *
   * @param firstPage the first page
   * @param pages how many
   * @param into one bit per page of the block; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  void addPopulated(long firstPage, long pages, PageBitmap into) throws IOException;

  /**
   * Adds all pages that have host memory behind them; a page that is not added reads as zero.
   *
   * @param into one bit per page; bits are only ever set
   * @throws IOException if the kernel's page map cannot be read
   */
  default void addPopulated(PageBitmap into) throws IOException {
    addPopulated(0, pages(), into);
  }

  /** Returns how many pages the block has. */
  default long pages() {
    return size() / PAGE_SIZE;
  }
}
