package dev.ballast.migration.channel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Views of a large memory segment as the buffers that sockets and checksums need, without a new
 * object for each piece. One thread.
 */
public final class SegmentWindows {
  /** The longest piece in bytes. */
  public static final int MAX_PIECE = 2 << 20;

  private static final int SHIFT = 30;

  private final MemorySegment segment;
  private final @Nullable ByteBuffer[] windows;

  /**
   * @param segment of any size, reachable from the thread that uses the buffers
   */
  public SegmentWindows(MemorySegment segment) {
    this.segment = segment;
    this.windows = new ByteBuffer[Math.toIntExact((segment.byteSize() >>> SHIFT) + 1)];
  }

  /**
   * Returns a buffer whose remaining bytes are a piece of the segment. The next call may return the
   * same buffer again.
   *
   * @param offset the first byte
   * @param length how many, at most {@link #MAX_PIECE}
   */
  public ByteBuffer piece(long offset, int length) {
    int index = (int) (offset >>> SHIFT);
    long start = (long) index << SHIFT;
    ByteBuffer window = windows[index];
    if (window == null) {
      // Windows overlap, so that a piece which starts in one ends in it.
      long size = Math.min(segment.byteSize() - start, (1L << SHIFT) + MAX_PIECE);
      window = segment.asSlice(start, size).asByteBuffer();
      windows[index] = window;
    }
    int position = (int) (offset - start);
    return window.limit(position + length).position(position);
  }
}
