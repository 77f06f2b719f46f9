package dev.ballast.virtio.mock;

import dev.ballast.virtio.balloon.BalloonDevice;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A balloon driver: sends page frame numbers and waits until the device has acknowledged them. */
public final class MockBalloonDriver {
  private final MockDriver driver;
  private final MockQueue inflate;
  private final MockQueue deflate;
  private final @Nullable MockQueue stats;
  private MockBuffer scratch = MockBuffer.readable(0, 0);

  /**
   * Negotiates, sets the queues up and starts the device.
   *
   * @param driver of a balloon device
   * @param features to accept
   * @param queueSize of both queues
   */
  public MockBalloonDriver(MockDriver driver, long features, int queueSize) {
    this.driver = driver;
    if (!driver.negotiate(features)) {
      throw new IllegalStateException("features refused: 0x" + Long.toHexString(features));
    }
    this.inflate = driver.addQueue(BalloonDevice.INFLATE_QUEUE, queueSize);
    this.deflate = driver.addQueue(BalloonDevice.DEFLATE_QUEUE, queueSize);
    this.stats =
        (features & BalloonDevice.STATS_VQ) == 0
            ? null
            : driver.addQueue(BalloonDevice.STATS_QUEUE, queueSize);
    driver.start();
  }

  /** Returns the inflate queue. */
  public MockQueue inflateQueue() {
    return inflate;
  }

  /** Returns the deflate queue. */
  public MockQueue deflateQueue() {
    return deflate;
  }

  /** Returns the statistics queue, which must have been negotiated. */
  public MockQueue statsQueue() {
    return Objects.requireNonNull(stats);
  }

  /**
   * Makes a buffer with a report available, and notifies.
   *
   * @param tagsAndValues tag, value, tag, value
   */
  public void report(long... tagsAndValues) {
    int entry = 10;
    long length = tagsAndValues.length / 2L * entry;
    long address = driver.allocate(Math.max(1, length), 8);
    for (int i = 0; i < tagsAndValues.length; i += 2) {
      long at = address + i / 2L * entry;
      driver.guest().put16(at, (int) tagsAndValues[i]);
      driver.guest().put64(at + 2, tagsAndValues[i + 1]);
    }
    offerReport(MockBuffer.readable(address, length));
  }

  /** Makes any buffer available as a report, and notifies. */
  public void offerReport(MockBuffer buffer) {
    statsQueue().add(buffer);
    driver.notifyQueue(BalloonDevice.STATS_QUEUE);
  }

  /** Gives pages, by page frame number. */
  public void inflate(long... pfns) {
    send(BalloonDevice.INFLATE_QUEUE, inflate, pfns);
  }

  /** Takes pages back, by page frame number. */
  public void deflate(long... pfns) {
    send(BalloonDevice.DEFLATE_QUEUE, deflate, pfns);
  }

  /** Writes {@code actual}. */
  public void writeActual(int pages) {
    driver.registers().writeConfig(4, 4, Integer.toUnsignedLong(pages));
  }

  private void send(int index, MockQueue queue, long... pfns) {
    // The device is done with the last array: each call waits for it.
    if (scratch.length() < 4L * pfns.length) {
      scratch = array(pfns);
    }
    fill(scratch.address(), pfns);
    queue.add(MockBuffer.readable(scratch.address(), 4L * pfns.length));
    driver.notifyQueue(index);
    queue.awaitAllUsed();
  }

  /** Writes page frame numbers into new memory; returns the buffer. */
  public MockBuffer array(long... pfns) {
    long address = driver.allocate(4L * pfns.length, 4);
    fill(address, pfns);
    return MockBuffer.readable(address, 4L * pfns.length);
  }

  private void fill(long address, long... pfns) {
    for (int i = 0; i < pfns.length; i++) {
      driver.guest().put32(address + 4L * i, (int) pfns[i]);
    }
  }
}
