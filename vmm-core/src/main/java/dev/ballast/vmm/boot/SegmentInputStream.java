package dev.ballast.vmm.boot;

import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Reads a memory segment. Not thread-safe. */
final class SegmentInputStream extends InputStream {
  private final MemorySegment segment;
  private long at;

  SegmentInputStream(MemorySegment segment) {
    this.segment = segment;
  }

  @Override
  public int read() {
    return at == segment.byteSize() ? -1 : segment.get(ValueLayout.JAVA_BYTE, at++) & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) {
    int count = (int) Math.min(length, segment.byteSize() - at);
    MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, at, into, offset, count);
    at += count;
    return count == 0 && length > 0 ? -1 : count;
  }

  @Override
  public int available() {
    return (int) Math.min(Integer.MAX_VALUE, segment.byteSize() - at);
  }
}
