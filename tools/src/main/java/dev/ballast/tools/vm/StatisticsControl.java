package dev.ballast.tools.vm;

import dev.ballast.virtio.balloon.MemoryReport;

/** The guest's reports of its memory, as its user steers them. Any thread. */
public interface StatisticsControl {
  /** Returns the last report; {@link MemoryReport#NONE} until there is one. */
  MemoryReport latest();

  /** Returns every how many seconds the guest is asked, 0 for never. */
  long interval();

  /**
   * Has the guest asked regularly, a first time at once if it was not until now. Returns at once.
   *
   * @param seconds between two questions, 0 to 2^32 - 1; 0 for never
   * @throws VmException if the guest is not here, or leaving
   */
  void setInterval(long seconds) throws VmException;
}
