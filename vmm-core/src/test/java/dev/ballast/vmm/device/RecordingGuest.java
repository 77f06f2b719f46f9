package dev.ballast.vmm.device;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** The guest's end of a backend under test. */
final class RecordingGuest implements SerialBackend.Line {
  private final ByteArrayOutputStream input = new ByteArrayOutputStream();
  private int readyCalls;

  @Override
  public synchronized void receive(byte[] bytes, int length) {
    input.write(bytes, 0, length);
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
