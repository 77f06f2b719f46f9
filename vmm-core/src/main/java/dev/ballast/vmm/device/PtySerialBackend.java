package dev.ballast.vmm.device;

import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import dev.ballast.ffi.linux.Pseudoterminal;
import dev.ballast.vmm.device.OutputBuffer.WhenFull;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A line to a new pseudoterminal, for instance for {@code screen /dev/pts/3}. The last 64 KiB of
 * output are kept for the next reader; one that is too slow misses the oldest output.
 */
public final class PtySerialBackend extends BufferedSerialBackend {
  private static final int CHUNK = 4 << 10;
  private static final Duration DRAIN_INTERVAL = Duration.ofMillis(5);

  private final Pseudoterminal terminal;

  /**
   * Keeps the terminal from hanging up while no user has it open, and serves to wake the threads
   * here.
   */
  private final FileDescriptor slave;

  private volatile boolean closing;

  private PtySerialBackend(Pseudoterminal terminal, FileDescriptor slave) {
    super(terminal.slave().toString(), WhenFull.DROP_OLDEST);
    this.terminal = terminal;
    this.slave = slave;
  }

  /**
   * Creates a pseudoterminal.
   *
   * @throws IOException if none can be opened
   */
  public static PtySerialBackend open() throws IOException {
    Pseudoterminal terminal = Pseudoterminal.open();
    try {
      return new PtySerialBackend(
          terminal,
          FileDescriptor.open(
              terminal.slave(),
              FileDescriptor.O_RDWR | FileDescriptor.O_NOCTTY | FileDescriptor.O_NONBLOCK));
    } catch (ErrnoException e) {
      terminal.close();
      throw e;
    }
  }

  @Override
  public String filename() {
    return "pty:" + path();
  }

  /** Returns what a user opens, for instance {@code /dev/pts/3}. */
  public Path path() {
    return terminal.slave();
  }

  @Override
  void awaitReceiver() {}

  @Override
  void write(byte[] bytes, int length) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rest = arena.allocate(length);
      MemorySegment.copy(bytes, 0, rest, ValueLayout.JAVA_BYTE, 0, length);
      while (rest.byteSize() > 0) {
        rest = rest.asSlice(terminal.controller().write(rest));
      }
    }
  }

  @Override
  void readAll(Line line) throws IOException, InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(CHUNK);
      byte[] bytes = new byte[CHUNK];
      while (!closing) {
        int length = (int) terminal.controller().read(chunk);
        if (!closing) {
          MemorySegment.copy(chunk, ValueLayout.JAVA_BYTE, 0, bytes, 0, length);
          deliver(line, bytes, length);
        }
      }
    }
  }

  /** Drains what was not read, so that a blocked write ends, and ends the read with a byte. */
  @Override
  void release() throws IOException, InterruptedException {
    closing = true;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(CHUNK);
      while (!writerEnds(DRAIN_INTERVAL)) {
        drain(buffer);
      }
      wakeReader(buffer.asSlice(0, 1));
    }
    awaitReaderEnd();
    slave.close();
    terminal.close();
  }

  private void wakeReader(MemorySegment value) throws ErrnoException {
    try {
      slave.write(value);
    } catch (ErrnoException e) {
      // There is no room for the byte, so there are others to read, which wake the reader.
      if (e.errno() != Errno.EAGAIN) {
        throw e;
      }
    }
  }

  private void drain(MemorySegment buffer) throws ErrnoException {
    try {
      slave.read(buffer);
    } catch (ErrnoException e) {
      if (e.errno() != Errno.EAGAIN) {
        throw e;
      }
    }
  }
}
