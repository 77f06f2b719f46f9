package dev.ballast.tools.lab;

import java.io.IOException;
import java.io.InputStream;

/**
 * Reads a stream up to a marker, which itself is not delivered; what comes after the marker stays
 * in the stream below. Bytes are delivered as soon as they cannot be part of the marker. Not
 * thread-safe.
 */
final class MarkedInputStream extends InputStream {
  private static final int CHUNK = 1 << 16;

  private final InputStream in;
  private final byte[] marker;

  /** Bytes that were read: those before {@link #ready} are no part of the marker. */
  private final byte[] buffer = new byte[CHUNK];

  private int start;
  private int ready;
  private int end;
  private boolean ended;

  /**
   * @param in the stream below; when the marker arrives, nothing after it may have been sent yet
   * @param marker not empty, and unlikely to be in the content
   */
  MarkedInputStream(InputStream in, byte[] marker) {
    this.in = in;
    this.marker = marker.clone();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (start == ready) {
      if (ended) {
        return -1;
      }
      fill();
    }
    int count = Math.min(length, ready - start);
    System.arraycopy(buffer, start, bytes, offset, count);
    start += count;
    return count;
  }

  private void fill() throws IOException {
    System.arraycopy(buffer, start, buffer, 0, end - start);
    end -= start;
    start = 0;
    int count = in.read(buffer, end, buffer.length - end);
    if (count < 0) {
      ready = end;
      ended = true;
      return;
    }
    end += count;
    ready = markerAt();
    if (end - ready == marker.length) {
      ended = true;
    }
  }

  /** Returns the index where the marker begins, or where a beginning of it reaches the end. */
  private int markerAt() {
    for (int at = 0; at < end; at++) {
      int matched = 0;
      while (matched < marker.length
          && at + matched < end
          && buffer[at + matched] == marker[matched]) {
        matched++;
      }
      if (matched == marker.length || at + matched == end) {
        return at;
      }
    }
    return end;
  }
}
