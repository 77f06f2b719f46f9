package dev.ballast.tools.bench;

import java.io.IOException;

/**
 * What the bare guest does before and during its migration.
 *
 * @param memoryBytes its RAM
 * @param fill what it writes once
 * @param balloonBytes what it then gives to the balloon
 * @param dirtyBytesPerSecond at which rate it goes on to write to what it filled; 0 for not at all
 */
public record GuestPlan(long memoryBytes, Fill fill, long balloonBytes, long dirtyBytesPerSecond) {
  /**
   * A range of guest physical addresses that is filled with a pattern; what is not RAM in it is
   * left out.
   *
   * @param start the first address
   * @param bytes how many; 0 for none
   * @param words so many words of 8 bytes at the start of a page look random and are repeated to
   *     its end, a power of 2; of 512, no compression would notice anything
   */
  public record Fill(long start, long bytes, int words) {
    private static final int WORDS_OF_PAGE = 512;

    /** Nothing is written. */
    static final Fill NOTHING = random(0, 0);

    /** Returns a range without anything to compress. */
    static Fill random(long start, long bytes) {
      return new Fill(start, bytes, WORDS_OF_PAGE);
    }
  }

  static final long MIB = 1 << 20;
  static final long GIB = 1 << 30;
  static final long TIB = 1L << 40;

  private static final long SEED = 1;
  private static final long PROBE_BYTES = 16 * MIB;

  /** Returns a guest that leaves its memory alone. */
  static GuestPlan untouched(long memoryBytes) {
    return new GuestPlan(memoryBytes, Fill.NOTHING, 0, 0);
  }

  GuestPlan filling(Fill range) {
    return new GuestPlan(memoryBytes, range, balloonBytes, dirtyBytesPerSecond);
  }

  GuestPlan ballooning(long bytes) {
    return new GuestPlan(memoryBytes, fill, bytes, dirtyBytesPerSecond);
  }

  GuestPlan dirtying(long bytesPerSecond) {
    return new GuestPlan(memoryBytes, fill, balloonBytes, bytesPerSecond);
  }

  /** Returns whether some of its memory has content when it is moved. */
  boolean hasContent() {
    return Math.min(fill.bytes, memoryBytes) > balloonBytes;
  }

  /**
   * Waits for a guest, and starts its work; writes in the background continue when this returns.
   */
  void begin(VmmProcess process) throws IOException, InterruptedException {
    process.awaitReady();
    String range = fill.start + " " + fill.bytes;
    if (fill.bytes > 0) {
      process.send("fill " + range + " " + SEED + " " + fill.words);
    }
    if (balloonBytes > 0) {
      if (fill.bytes > 0) {
        process.send("free " + range);
      }
      process.balloon(memoryBytes - balloonBytes);
    }
    if (dirtyBytesPerSecond > 0) {
      process.send("dirty " + range + " " + dirtyBytesPerSecond);
    }
  }

  /** Checks that the guest runs in a process, and lets it check some of its memory. */
  void check(VmmProcess process) throws IOException, InterruptedException {
    process.send("count");
    if (dirtyBytesPerSecond > 0) {
      process.send("stop");
      process.send("check-dirty");
    } else if (fill.bytes > 0 && balloonBytes == 0) {
      process.send("check %d %d %d %d".formatted(fill.start, PROBE_BYTES, SEED, fill.words));
    }
  }
}
