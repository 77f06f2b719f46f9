package dev.ballast.tools.lab.bochs;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries the ports of level 1 over one serial port; {@code multiplexer.c}, which says how, is the
 * other side. Each stream is for one thread at a time. When the serial port ends, so do all.
 */
public final class SerialMultiplexer {
  /** What is carried. */
  public enum Channel {
    /** Only tells that level 1 runs. */
    ALIVE(0),
    /** Requests to level 1, and its answers. */
    CONTROL(1),
    /** To level 1. */
    STDIN(2),
    /** From level 1. */
    STDOUT(3),
    /** From level 1. */
    STDERR(4);

    private final int number;

    Channel(int number) {
      this.number = number;
    }

    private static Channel of(int number) throws IOException {
      for (Channel channel : values()) {
        if (channel.number == number) {
          return channel;
        }
      }
      throw new IOException("level 1 sent a frame for channel " + number);
    }
  }

  private static final Logger log = LoggerFactory.getLogger(SerialMultiplexer.class);
  private static final int MOST_BYTES = 255;

  /** How many bytes of standard input may be on their way. */
  private static final int STDIN_WINDOW = 4096;

  private static final int PIPE_BYTES = 1 << 16;

  private final OutputStream port;
  private final Map<Channel, PipedInputStream> inputs = new EnumMap<>(Channel.class);
  private final Map<Channel, PipedOutputStream> received = new EnumMap<>(Channel.class);
  private final Semaphore window = new Semaphore(STDIN_WINDOW);
  private volatile boolean ended;

  private SerialMultiplexer(OutputStream port) throws IOException {
    this.port = port;
    for (Channel channel : Channel.values()) {
      PipedInputStream input = new PipedInputStream(PIPE_BYTES);
      inputs.put(channel, input);
      received.put(channel, new PipedOutputStream(input));
    }
  }

  /** Returns the program that is the other side, static, for Linux on x86-64. */
  public static byte[] program() throws IOException {
    try (InputStream in = SerialMultiplexer.class.getResourceAsStream("multiplexer")) {
      if (in == null) {
        throw new IllegalStateException("resource multiplexer is missing from the build");
      }
      return in.readAllBytes();
    }
  }

  /**
   * Starts to take apart what arrives, on a thread of its own.
   *
   * @param in what level 1 writes to the serial port
   * @param out what it reads from it
   */
  public static SerialMultiplexer start(InputStream in, OutputStream out) throws IOException {
    SerialMultiplexer multiplexer = new SerialMultiplexer(out);
    Thread.ofPlatform()
        .daemon()
        .name("lab-serial")
        .start(() -> multiplexer.receive(new DataInputStream(in)));
    return multiplexer;
  }

  /** Returns what level 1 writes to a channel. */
  public InputStream input(Channel channel) {
    InputStream input = inputs.get(channel);
    if (input == null) {
      throw new IllegalStateException("channel " + channel + " is missing");
    }
    return input;
  }

  /** Returns what level 1 reads from a channel; only {@link Channel#STDIN} has an end. */
  public OutputStream output(Channel channel) {
    return new FrameOutput(channel);
  }

  private void receive(DataInputStream in) {
    byte[] payload = new byte[MOST_BYTES];
    try {
      while (true) {
        int number = in.readUnsignedByte();
        int count = in.readUnsignedByte();
        in.readFully(payload, 0, count);
        pass(Channel.of(number), payload, count);
      }
    } catch (EOFException e) {
      log.debug("level 1 ended", e);
    } catch (IOException e) {
      log.debug("the serial port of level 1 failed", e);
    } finally {
      end();
    }
  }

  private void pass(Channel channel, byte[] payload, int count) throws IOException {
    switch (channel) {
      case ALIVE -> {}
      case STDIN -> {
        for (int i = 0; i < count; i++) {
          window.release(payload[i] & 0xff);
        }
      }
      case CONTROL, STDOUT, STDERR -> {
        PipedOutputStream pipe = received.get(channel);
        if (pipe != null) {
          pipe.write(payload, 0, count);
          // Else the reader looks only once a second.
          pipe.flush();
        }
      }
    }
  }

  private void end() {
    ended = true;
    window.release(STDIN_WINDOW);
    for (PipedOutputStream pipe : received.values()) {
      try {
        pipe.close();
      } catch (IOException e) {
        log.debug("a pipe cannot be closed", e);
      }
    }
  }

  private final class FrameOutput extends OutputStream {
    private final Channel channel;

    FrameOutput(Channel channel) {
      this.channel = channel;
    }

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      int at = offset;
      while (at < offset + length) {
        int count = Math.min(MOST_BYTES, offset + length - at);
        if (channel == Channel.STDIN) {
          awaitRoom(count);
        }
        send(bytes, at, count);
        at += count;
      }
    }

    /** Tells the end of standard input. */
    @Override
    public void close() throws IOException {
      if (channel == Channel.STDIN) {
        send(new byte[0], 0, 0);
      }
    }

    private void awaitRoom(int count) throws IOException {
      try {
        window.acquire(count);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while level 1 took no more input", e);
      }
    }

    private void send(byte[] bytes, int offset, int count) throws IOException {
      if (ended) {
        throw new IOException("level 1 has ended");
      }
      byte[] frame = new byte[2 + count];
      frame[0] = (byte) channel.number;
      frame[1] = (byte) count;
      System.arraycopy(bytes, offset, frame, 2, count);
      synchronized (port) {
        port.write(frame);
        port.flush();
      }
    }
  }
}
