package dev.ballast.tools.lab.bochs;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.Semaphore;

/**
 * Makes a standard input of a serial port, which has neither an end nor flow control: bytes travel
 * as lines of base64, an empty line is the end, and each line that was passed on is acknowledged by
 * one byte in the text that comes out of another port. The init of level 1 is the other side. The
 * input is for one thread, the text for another.
 */
public final class SerialLink {
  /** What acknowledges a line (ASCII ACK). */
  private static final int ACKNOWLEDGE = 0x06;

  /** What level 1 sends to find out whether this side is still there (ASCII SYN). */
  private static final int IDLE = 0x16;

  /** Lines on their way. What level 1 has not read yet must fit into its driver's 64 KiB. */
  private static final int WINDOW = 8;

  /** Bytes that make a line of a KiB. */
  private static final int CHUNK = 768;

  private final Semaphore window = new Semaphore(WINDOW);
  private volatile boolean ended;

  /** Returns the text of a port without acknowledgements. */
  public InputStream text(InputStream port) {
    return new Text(port);
  }

  /** Returns a stream whose bytes go to a port as lines; closing it does not close the port. */
  public OutputStream lines(OutputStream port) {
    return new Lines(port);
  }

  private final class Text extends FilterInputStream {
    Text(InputStream port) {
      super(port);
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      int kept = 0;
      while (kept == 0 && length > 0) {
        int count = in.read(bytes, offset, length);
        if (count < 0) {
          end();
          return -1;
        }
        for (int i = offset; i < offset + count; i++) {
          if (bytes[i] == ACKNOWLEDGE) {
            window.release();
          } else if (bytes[i] != IDLE) {
            bytes[offset + kept++] = bytes[i];
          }
        }
      }
      return kept;
    }

    @Override
    public void close() throws IOException {
      end();
      super.close();
    }
  }

  /** Lets go who waits for room. */
  private void end() {
    ended = true;
    window.release();
  }

  private final class Lines extends OutputStream {
    private final OutputStream port;
    private boolean closed;

    Lines(OutputStream port) {
      this.port = port;
    }

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      for (int at = offset; at < offset + length; at += CHUNK) {
        int end = Math.min(at + CHUNK, offset + length);
        line(Base64.getEncoder().encodeToString(Arrays.copyOfRange(bytes, at, end)));
      }
    }

    @Override
    public void close() throws IOException {
      if (!closed) {
        closed = true;
        line("");
      }
    }

    private void line(String line) throws IOException {
      try {
        window.acquire();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while the lab took no more input", e);
      }
      if (ended) {
        window.release();
        throw new IOException("the lab has ended");
      }
      port.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    }
  }
}
