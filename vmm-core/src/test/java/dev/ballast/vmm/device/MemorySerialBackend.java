package dev.ballast.vmm.device;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** A line whose other end is the test. */
public final class MemorySerialBackend implements SerialBackend {
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private int room = Integer.MAX_VALUE;
  private int readyCalls;
  private Line line =
      new Line() {
        @Override
        public int receive(byte[] bytes, int offset, int length) {
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

  @Override
  public synchronized void readyToReceive() {
    readyCalls++;
    notifyAll();
  }

  /** Returns how often there was room again. */
  synchronized int readyCalls() {
    return readyCalls;
  }

  /** Types as much as is taken at once; returns how much. */
  int typeWhatFits(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    return line.receive(bytes, 0, bytes.length);
  }

  /** Types, as a user does; waits while the guest does not take it. */
  public void type(String text) throws InterruptedException {
    String rest = text;
    while (!rest.isEmpty()) {
      int before = readyCalls();
      rest = rest.substring(typeWhatFits(rest));
      synchronized (this) {
        while (!rest.isEmpty() && readyCalls == before) {
          wait();
        }
      }
    }
  }

  /** Returns what the guest wrote. */
  public synchronized String output() {
    return output.toString(StandardCharsets.ISO_8859_1);
  }

  @Override
  public void close() {}
}
