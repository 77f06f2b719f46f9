package dev.ballast.virtio.queue;

import dev.ballast.virtio.mock.MockBuffer;
import java.util.ArrayList;
import java.util.List;

/** A chain as two lists of bytes: each entry is the address of one. */
final class ModelChain {
  private final int head;
  private final ModelRam ram;
  private final List<Entry> readable = new ArrayList<>();
  private final List<Entry> writable = new ArrayList<>();
  private int readPosition;
  private int writePosition;
  private int written;

  /** One byte of a buffer. */
  private record Entry(int address, int buffer) {}

  ModelChain(int head, ModelRam ram, List<MockBuffer> buffers) {
    this.head = head;
    this.ram = ram;
    for (int i = 0; i < buffers.size(); i++) {
      MockBuffer buffer = buffers.get(i);
      List<Entry> into = buffer.flags() == MockBuffer.WRITE ? writable : readable;
      for (int at = 0; at < buffer.length(); at++) {
        into.add(new Entry((int) buffer.address() + at, i));
      }
    }
  }

  int head() {
    return head;
  }

  int written() {
    return written;
  }

  private static int end(List<Entry> entries, int from, int count) {
    return Math.min(entries.size(), from + count);
  }

  byte[] read(int count) {
    byte[] bytes = new byte[end(readable, readPosition, count) - readPosition];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = ram.get(readable.get(readPosition++).address());
    }
    return bytes;
  }

  void skipReadable(int count) {
    readPosition = end(readable, readPosition, count);
  }

  void skipWritable(int count) {
    writePosition = end(writable, writePosition, count);
  }

  /** Writes what there is room for; returns how many bytes that is. */
  long write(byte[] bytes) {
    int end = end(writable, writePosition, bytes.length);
    int count = end - writePosition;
    boolean follows = written == writePosition;
    for (int i = 0; i < count; i++) {
      ram.vmmWrites(writable.get(writePosition++).address(), bytes[i]);
    }
    written = follows ? end : written;
    return count;
  }

  List<String> readablePieces(int count) {
    return pieces(readable, readPosition, end(readable, readPosition, count));
  }

  List<String> writablePieces(int count) {
    return pieces(writable, writePosition, end(writable, writePosition, count));
  }

  private static List<String> pieces(List<Entry> entries, int from, int end) {
    List<String> pieces = new ArrayList<>();
    for (int first = from; first < end; ) {
      int next = first + 1;
      while (next < end && entries.get(next).buffer() == entries.get(first).buffer()) {
        next++;
      }
      pieces.add(entries.get(first).address() + "+" + (next - first));
      first = next;
    }
    return pieces;
  }

  /** What a chain says of its sizes and its cursors. */
  List<Long> positions() {
    return List.of(
        (long) readable.size(),
        (long) writable.size(),
        (long) readPosition,
        (long) readable.size() - readPosition,
        (long) writePosition,
        (long) writable.size() - writePosition,
        (long) written);
  }
}
