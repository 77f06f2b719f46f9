package dev.ballast.vmm.device;

import dev.ballast.vmm.device.OutputBuffer.WhenFull;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A backend with 64 KiB of buffer and two threads: one writes the guest's output, one reads its
 * input. However slow the other end is, no vCPU waits for it.
 */
abstract class BufferedSerialBackend implements SerialBackend {
  private static final Logger log = LoggerFactory.getLogger(BufferedSerialBackend.class);
  private static final int BUFFER_SIZE = 64 << 10;
  private static final int CHUNK = 4 << 10;
  private static final Duration FLUSH_TIMEOUT = Duration.ofSeconds(2);

  private final String name;
  private final OutputBuffer buffer;
  private final AtomicBoolean closing = new AtomicBoolean();
  private final Object inputLock = new Object();
  private boolean lineReady;
  private @Nullable Thread writer;
  private @Nullable Thread reader;

  /**
   * @param name for threads and messages
   * @param whenFull what happens to output when the other end is too slow
   */
  BufferedSerialBackend(String name, WhenFull whenFull) {
    this.name = name;
    this.buffer = new OutputBuffer(BUFFER_SIZE, whenFull);
  }

  /** Waits until there is another end to write to. Called on the writer thread. */
  abstract void awaitReceiver() throws InterruptedException;

  /** Writes bytes; may block. Called on the writer thread. */
  abstract void write(byte[] bytes, int length) throws IOException, InterruptedException;

  /**
   * Reads bytes and passes them to the line until the input ends. Called on the reader thread. An
   * implementation that also serves clients must not wait for the guest with {@link #deliver}.
   */
  abstract void readAll(Line line) throws IOException, InterruptedException;

  /** Releases the resources; both threads were interrupted but may be in a blocking call. */
  abstract void release() throws IOException, InterruptedException;

  @Override
  public final void start(Line line) {
    writer = startThread("writer", () -> writeAll(line));
    reader = startThread("reader", () -> readAll(line));
  }

  private interface Work {
    void run() throws IOException, InterruptedException;
  }

  private Thread startThread(String role, Work work) {
    return Thread.ofPlatform()
        .name(name + "-" + role)
        .daemon()
        .start(
            () -> {
              try {
                work.run();
              } catch (InterruptedException | InterruptedIOException _) {
                log.debug("{}: {} ends", name, role);
              } catch (IOException e) {
                log.warn("{}: {} stops: {}", name, role, e.getMessage());
              } catch (RuntimeException | Error e) {
                log.error("{}: {} stops: a defect of this program", name, role, e);
              }
            });
  }

  private void writeAll(Line line) throws IOException, InterruptedException {
    byte[] chunk = new byte[CHUNK];
    boolean dropsReported = false;
    try {
      while (true) {
        awaitReceiver();
        int length = buffer.take(chunk);
        if (length < 0) {
          return;
        }
        if (buffer.takeRefused()) {
          line.readyToTransmit();
        }
        write(chunk, length);
        if (!dropsReported && buffer.dropped() > 0) {
          dropsReported = true;
          log.warn("{}: the oldest output is dropped: nobody reads it in time", name);
        }
      }
    } finally {
      // The writer is gone: the guest's output is dropped rather than refused for good.
      buffer.close();
      if (buffer.takeRefused()) {
        line.readyToTransmit();
      }
    }
  }

  @Override
  public final boolean transmit(byte value) {
    return buffer.offer(value);
  }

  @Override
  public void readyToReceive() {
    synchronized (inputLock) {
      lineReady = true;
      inputLock.notifyAll();
    }
  }

  /** Delivers bytes to the line, and waits for as long as the guest takes to read them. */
  final void deliver(Line line, byte[] bytes, int length) throws InterruptedException {
    int taken = line.receive(bytes, 0, length);
    while (taken < length) {
      synchronized (inputLock) {
        while (!lineReady) {
          inputLock.wait();
        }
        lineReady = false;
      }
      taken += line.receive(bytes, taken, length - taken);
    }
  }

  /** Waits for the writer thread to end, for at most {@code timeout}; returns whether it did. */
  final boolean writerEnds(Duration timeout) throws InterruptedException {
    Thread thread = writer;
    return thread == null || thread.join(timeout);
  }

  /** Waits for the reader thread to end. */
  final void awaitReaderEnd() throws InterruptedException {
    Thread thread = reader;
    if (thread != null) {
      thread.join();
    }
  }

  @Override
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    buffer.close();
    try {
      if (!writerEnds(FLUSH_TIMEOUT)) {
        log.warn("{}: output is lost: nobody reads it", name);
        interrupt(writer);
      }
      interrupt(reader);
      release();
    } catch (IOException e) {
      log.warn("{}: close: {}", name, e.getMessage());
    } catch (InterruptedException _) {
      // Threads may still use what is left open; all are daemons.
      log.warn("{}: interrupted while it closes", name);
      Thread.currentThread().interrupt();
    }
  }

  private static void interrupt(@Nullable Thread thread) {
    if (thread != null) {
      thread.interrupt();
    }
  }
}
