package dev.ballast.vmm.memory;

import java.io.IOException;

/**
 * Records which pages of guest RAM vCPUs have written. {@link KvmDirtyLog} is KVM's; tests have
 * their own.
 */
public interface DirtyLog {
  /**
   * Starts the log.
   *
   * @throws IOException if KVM refused
   */
  void start() throws IOException;

  /**
   * Stops the log. Does nothing when the log is not running.
   *
   * @throws IOException if KVM refused
   */
  void stop() throws IOException;

  /**
   * Fetches which pages were written since they were last protected. A page that has not been
   * protected since {@link #start} may be reported without having been written.
   *
   * @param into one bit per 4 KiB of RAM, empty, and not accessed by others during the call
   * @throws IOException if KVM refused
   */
  void fetch(PageBitmap into) throws IOException;

  /**
   * Removes pages from the log, and write-protects them so that the next write is logged again.
   * Call it before their content is read, or a write in between is lost. Several threads may call
   * it at the same time, for different words.
   *
   * @param pages one bit per 4 KiB of RAM
   * @param fromWord the first word of {@code pages} to look at
   * @param toWord the word after the last
   * @throws IOException if KVM refused
   */
  void protect(PageBitmap pages, long fromWord, long toWord) throws IOException;

  /** See {@link RamBlock#protectBytes}. */
  default long protectBytes() {
    return RamBlock.MIN_PROTECT_BYTES;
  }
}
