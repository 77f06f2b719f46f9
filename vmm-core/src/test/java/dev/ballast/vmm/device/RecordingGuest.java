package dev.ballast.vmm.device;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** The guest's end of a backend under test. */
final class RecordingGuest implements SerialBackend.Line {
  private final ByteArrayOutputStream input = new ByteArrayOutputStream();
  private int readyCalls;
  private int room = Integer.MAX_VALUE;

  /** Takes only so many more bytes of input. */
  synchronized void limitTo(int bytes) {
    room = bytes;
  }

  /** Takes so many more bytes of input, and says so. */
  void makeRoom(SerialBackend backend, int bytes) {
    limitTo(bytes);
    backend.readyToReceive();
  }

  @Override
  public synchronized int receive(byte[] bytes, int offset, int length) {
    int taken = Math.min(room, length);
    input.write(bytes, offset, taken);
    room -= taken;
    return taken;
  }

  @Override
  public synchronized void readyToTransmit() {
    readyCalls++;
    notifyAll();
  }

  synchronized String input() {
    return input.toString(StandardCharsets.ISO_8859_1);
  }

  synchronized int readyCalls() {
    return readyCalls;
  }

  /** Transmits as a guest does that waits while the transmitter is busy. */
  synchronized void transmit(SerialBackend backend, String text) throws InterruptedException {
    for (byte value : text.getBytes(StandardCharsets.ISO_8859_1)) {
      int before = readyCalls;
      while (!backend.transmit(value)) {
        while (readyCalls == before) {
          wait();
        }
        before = readyCalls;
      }
    }
  }
}
