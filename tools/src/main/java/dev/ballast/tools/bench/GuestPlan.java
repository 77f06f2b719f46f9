package dev.ballast.tools.bench;

/**
 * What the bare guest does before it is moved, and while.
 *
 * @param memoryBytes its RAM
 * @param fill what it writes once
 * @param balloonBytes what it then gives to the balloon
 * @param dirtyBytesPerSecond at which rate it goes on to write to what it filled; 0 for not at all
 */
public record GuestPlan(long memoryBytes, Fill fill, long balloonBytes, long dirtyBytesPerSecond) {
  /**
   * A range of guest physical addresses that is filled with a pattern that no compression would
   * notice; what is not RAM in it is left out.
   *
   * @param start the first address
   * @param bytes how many; 0 for none
   */
  public record Fill(long start, long bytes) {
    /** Nothing is written. */
    static final Fill NOTHING = new Fill(0, 0);
  }

  static final long MIB = 1 << 20;
  static final long GIB = 1 << 30;
  static final long TIB = 1L << 40;

  /** Returns a guest that leaves its memory alone. */
  static GuestPlan untouched(long memoryBytes) {
    return new GuestPlan(memoryBytes, Fill.NOTHING, 0, 0);
  }

  GuestPlan filling(long start, long bytes) {
    return new GuestPlan(memoryBytes, new Fill(start, bytes), balloonBytes, dirtyBytesPerSecond);
  }

  GuestPlan ballooning(long bytes) {
    return new GuestPlan(memoryBytes, fill, bytes, dirtyBytesPerSecond);
  }

  GuestPlan dirtying(long bytesPerSecond) {
    return new GuestPlan(memoryBytes, fill, balloonBytes, bytesPerSecond);
  }

  /** Returns a small guest that does the same, for a warm-up or a quick look. */
  GuestPlan small() {
    long small = Math.min(memoryBytes, GIB);
    Fill less = new Fill(256 * MIB, Math.min(fill.bytes, 64 * MIB));
    return new GuestPlan(
        small,
        fill.bytes == 0 ? Fill.NOTHING : less,
        Math.min(balloonBytes, small / 2),
        Math.min(dirtyBytesPerSecond, 20 * MIB));
  }
}
