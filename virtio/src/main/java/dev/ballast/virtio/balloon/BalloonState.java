package dev.ballast.virtio.balloon;

import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/**
 * A balloon's own state. Which pages are in the balloon is not here: that is the RAM block {@code
 * balloon-bitmap}.
 *
 * @param targetPages {@code num_pages}: how many 4 KiB pages the host wants, 0 to 2^32 - 1
 * @param actualPages {@code actual}: how many the guest says it has given, 0 to 2^32 - 1; may be a
 *     lie
 */
record BalloonState(long targetPages, long actualPages) {
  void write(StateWriter writer) {
    writer.u32((int) targetPages).u32((int) actualPages);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @param maxTarget the most pages that a host can want
   */
  static BalloonState read(StateReader reader, long maxTarget) throws StateFormatException {
    long target = Integer.toUnsignedLong(reader.u32());
    if (target > maxTarget) {
      throw reader.fail("balloon target of " + target + " pages, expected at most " + maxTarget);
    }
    return new BalloonState(target, Integer.toUnsignedLong(reader.u32()));
  }
}
