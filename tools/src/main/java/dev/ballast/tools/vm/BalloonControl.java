package dev.ballast.tools.vm;

import dev.ballast.virtio.balloon.MemoryReport;
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

  /**
   * Returns the guest's last report of its memory, {@link MemoryReport#NONE} until there is one;
   * empty when the device does not offer reports.
   */
  Optional<MemoryReport> memoryReport();

  /** Returns every how many seconds the guest is asked for a report, 0 for never. */
  long reportInterval();

  /**
   * Sets how often the guest is asked for a report, beginning at once if it was not asked until
   * now; has no effect when the device does not offer reports. Returns at once.
   *
   * @param seconds between two questions, 0 to 2^32 - 1; 0 for never
   * @throws VmException if the guest is not here, or leaving
   */
  void setReportInterval(long seconds) throws VmException;
}
