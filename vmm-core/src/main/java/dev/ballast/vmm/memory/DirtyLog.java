package dev.ballast.vmm.memory;

import java.io.IOException;

/** Which pages of guest RAM vCPUs wrote. KVM has one; tests of migration bring their own. */
public interface DirtyLog {
  /**
   * Starts to log.
   *
   * @throws IOException if KVM refused
   */
  void start() throws IOException;

  /**
   * Stops to log. Does nothing when the log is not running.
   *
   * @throws IOException if KVM refused
   */
  void stop() throws IOException;

  /**
   * Moves the pages written since the last call into a bitmap, and protects them anew.
   *
   * @param into one bit per 4 KiB of RAM; bits are only ever set
   * @throws IOException if KVM refused
   */
  void fetch(PageBitmap into) throws IOException;
}
