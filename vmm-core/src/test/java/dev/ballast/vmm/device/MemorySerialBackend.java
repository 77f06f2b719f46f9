package dev.ballast.vmm.device;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** A line whose other end is the test. */
public final class MemorySerialBackend implements SerialBackend {
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private int room = Integer.MAX_VALUE;
  private Line line =
      new Line() {
        @Override
        public void receive(byte[] bytes, int length) {
          throw new IllegalStateException("not started");
        }

        @Override
        public void readyToTransmit() {
          throw new IllegalStateException("not started");
        }
      };

  @Override
  public void start(Line guest) {
    line = guest;
  }

  @Override
  public synchronized boolean transmit(byte value) {
    if (room == 0) {
      return false;
    }
    room--;
    output.write(value);
    return true;
  }

  /** Takes only so many more bytes. */
  synchronized void limitTo(int bytes) {
    room = bytes;
  }

  /** Takes so many more bytes, and says so. */
  void makeRoom(int bytes) {
    limitTo(bytes);
    line.readyToTransmit();
  }

  /** Types, as a user does. */
  public void type(String text) throws InterruptedException {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    line.receive(bytes, bytes.length);
  }

  /** Returns what the guest wrote. */
  public synchronized String output() {
    return output.toString(StandardCharsets.ISO_8859_1);
  }

  @Override
  public void close() {}
}
