package dev.ballast.tools.qmp;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a stream into messages. A message ends with its line, and also where its outermost brace
 * closes: some clients send no line ends. One thread.
 */
final class MessageReader {
  /** A message is longer than it may be; the rest of its line is skipped. */
  static final class TooLongException extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /** The longest message in bytes. */
  static final int MAX_BYTES = 1 << 20;

  private static final int BUFFER_BYTES = 16 << 10;

  private final ReadableByteChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).flip();
  private ByteArrayOutputStream message = new ByteArrayOutputStream();
  private int depth;
  private boolean inString;
  private boolean escaped;
  private boolean skipping;

  MessageReader(ReadableByteChannel channel) {
    this.channel = channel;
  }

  /**
   * Returns the next message, without its line end, or null at the end of the stream.
   *
   * @throws TooLongException if the message is longer than {@link #MAX_BYTES}; may be called again
   */
  byte @Nullable [] next() throws IOException, TooLongException {
    while (true) {
      while (buffer.hasRemaining()) {
        if (accept(buffer.get())) {
          return take();
        }
      }
      buffer.clear();
      int count = channel.read(buffer);
      buffer.flip();
      if (count < 0) {
        return null;
      }
    }
  }

  /** Takes one byte; tells whether the message is whole. */
  private boolean accept(byte next) throws TooLongException {
    if (next == '\n') {
      boolean whole = !skipping && message.size() > 0;
      skipping = false;
      return whole;
    }
    if (skipping || (message.size() == 0 && isSpace(next))) {
      return false;
    }
    if (message.size() == MAX_BYTES) {
      take();
      skipping = true;
      throw new TooLongException();
    }
    message.write(next);
    if (inString) {
      inString = escaped || next != '"';
      escaped = !escaped && next == '\\';
      return false;
    }
    switch (next) {
      case '"' -> inString = true;
      case '{', '[' -> depth++;
      case '}', ']' -> {
        depth--;
        return depth <= 0;
      }
      default -> {}
    }
    return false;
  }

  private static boolean isSpace(byte next) {
    return next == ' ' || next == '\t' || next == '\r';
  }

  private byte[] take() {
    byte[] whole = message.toByteArray();
    if (whole.length > BUFFER_BYTES) {
      message = new ByteArrayOutputStream();
    } else {
      message.reset();
    }
    depth = 0;
    inString = false;
    escaped = false;
    return whole;
  }
}
