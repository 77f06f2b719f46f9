package dev.ballast.vmm.memory;

import java.io.IOException;

/** Which pages of guest RAM vCPUs wrote. KVM has one; tests of migration bring their own. */
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
   * Writes which pages were written since they were last protected into a bitmap. A page that was
   * not protected since {@link #start} may be in it, written or not.
   *
   * @param into one bit per 4 KiB of RAM, empty, and not accessed by others during the call
   * @throws IOException if KVM refused
   */
  void fetch(PageBitmap into) throws IOException;

  /**
   * Removes pages from the log: they are in it again when they are written from now on. To be
   * called before their content is read, or a write in between is lost. Several threads may, for
   * different words.
   *
   * @param pages one bit per 4 KiB of RAM
   * @param fromWord the first word of {@code pages} to look at
   * @param toWord the word after the last
   * @throws IOException if KVM refused
   */
  void protect(PageBitmap pages, long fromWord, long toWord) throws IOException;
}
