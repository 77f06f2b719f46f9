package dev.ballast.virtio.balloon;

import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/**
 * A balloon's own state. Which pages are in the balloon is not here: that is the RAM block {@code
 * balloon-bitmap}. Version 1 ends after {@code actualPages}.
 *
 * @param targetPages {@code num_pages}: how many 4 KiB pages the host wants, 0 to 2^32 - 1
 * @param actualPages {@code actual}: how many the guest says it has given, 0 to 2^32 - 1; may be a
 *     lie
 * @param statsInterval the polling interval of the guest's statistics in seconds, 0 to 2^32 - 1; 0
 *     for no polling
 * @param heldStats the head of the chain that the device holds for the next request, or {@link
 *     BalloonStatistics#NONE}
 */
record BalloonState(long targetPages, long actualPages, long statsInterval, int heldStats) {
  /** The version that {@link #write} writes. */
  static final int VERSION = 2;

  /** Returns whether the state is one that a device without statistics cannot have. */
  boolean usesStatistics() {
    return statsInterval != 0 || heldStats != BalloonStatistics.NONE;
  }

  void write(StateWriter writer) {
    writer.u32((int) targetPages).u32((int) actualPages).u32((int) statsInterval);
    boolean holds = heldStats != BalloonStatistics.NONE;
    writer.bool(holds).u16(holds ? heldStats : 0);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @param version 1 to {@link #VERSION}
   * @param maxTarget the largest target in pages that the device accepts
   */
  static BalloonState read(StateReader reader, int version, long maxTarget)
      throws StateFormatException {
    long target = Integer.toUnsignedLong(reader.u32());
    if (target > maxTarget) {
      throw reader.fail("balloon target of " + target + " pages, expected at most " + maxTarget);
    }
    long actual = Integer.toUnsignedLong(reader.u32());
    if (version < 2) {
      return new BalloonState(target, actual, 0, BalloonStatistics.NONE);
    }
    long interval = Integer.toUnsignedLong(reader.u32());
    boolean holds = reader.bool();
    int head = reader.u16();
    if (head >= BalloonDevice.QUEUE_SIZE) {
      throw reader.fail("descriptor " + head + " of the statistics queue is held");
    }
    return new BalloonState(target, actual, interval, holds ? head : BalloonStatistics.NONE);
  }
}
