package dev.ballast.tools.cli;

import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.Pseudoterminal;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A process whose standard streams are a terminal, at which the test sits; killed when closed. */
final class TerminalProcess implements AutoCloseable {
  private static final int CHUNK = 4 << 10;

  private final Pseudoterminal terminal;
  private final Process process;
  private final StringBuilder output = new StringBuilder(); // guarded by itself
  private final CompletableFuture<Void> readerEnd = new CompletableFuture<>();

  private TerminalProcess(Pseudoterminal terminal, Process process) {
    this.terminal = terminal;
    this.process = process;
  }

  static TerminalProcess start(ProcessBuilder builder) throws IOException {
    Pseudoterminal terminal = Pseudoterminal.open();
    try {
      File slave = terminal.slave().toFile();
      builder.redirectInput(slave).redirectOutput(slave).redirectErrorStream(true);
      TerminalProcess started = new TerminalProcess(terminal, builder.start());
      Thread.ofPlatform().daemon().start(started::read);
      return started;
    } catch (IOException e) {
      terminal.close();
      throw e;
    }
  }

  private void read() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(CHUNK);
      while (true) {
        long length = terminal.controller().read(chunk);
        byte[] bytes = chunk.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
        synchronized (output) {
          output.append(new String(bytes, StandardCharsets.UTF_8));
        }
      }
    } catch (ErrnoException e) {
      // EIO: the process has closed its end.
      readerEnd.complete(null);
    }
  }

  /** Types keys, all at once. */
  void type(String keys) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment rest =
          arena.allocateFrom(ValueLayout.JAVA_BYTE, keys.getBytes(StandardCharsets.UTF_8));
      while (rest.byteSize() > 0) {
        rest = rest.asSlice(terminal.controller().write(rest));
      }
    }
  }

  /** Returns what has come to the screen until now. */
  String screen() {
    synchronized (output) {
      return output.toString();
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Waits until it ends by itself and all its output is here; returns its exit code. */
  int exitCode() throws InterruptedException {
    if (!process.waitFor(BallastProcess.TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
      return -1;
    }
    readerEnd.join();
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
    readerEnd.join();
    terminal.close();
  }
}
