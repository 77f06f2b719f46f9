package dev.ballast.vmm.machine;

import dev.ballast.vmm.device.SerialBackend;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Keeps what the guest prints. */
final class TestConsole implements SerialBackend {
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private boolean closed;

  @Override
  public void start(Line line) {}

  @Override
  public synchronized boolean transmit(byte value) {
    printed.write(value);
    return true;
  }

  synchronized String text() {
    return printed.toString(StandardCharsets.US_ASCII);
  }

  synchronized boolean isClosed() {
    return closed;
  }

  @Override
  public synchronized void close() {
    closed = true;
  }
}
