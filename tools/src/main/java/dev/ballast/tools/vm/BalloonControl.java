package dev.ballast.tools.vm;

import dev.ballast.vmm.memory.PageBitmap;
import java.util.Optional;

/** The balloon of a machine as its user steers it. Any thread. */
public interface BalloonControl {
  /** Returns the size of guest RAM without what is in the balloon, in bytes. */
  long actualBytes();

  /**
   * Asks the guest to inflate or deflate until the rest of its memory has a size. Returns at once.
   *
   * @param logicalSize the wanted size in bytes; more than guest RAM means all of it
   * @throws VmException if the guest is not here, or leaving
   */
  void setTarget(long logicalSize) throws VmException;

  /** Returns whether a driver in the guest uses the balloon: until one does, a target waits. */
  boolean hasDriver();

  /** Returns the live set of pages in the balloon, one bit per 4 KiB of guest RAM. */
  PageBitmap bitmap();

  /** Returns the guest's reports of its memory; empty when the device does not offer them. */
  Optional<StatisticsControl> statistics();
}
