package dev.ballast.virtio.transport;

import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records why the device interrupted (virtio v1.3 §4.1.4.5, §4.2.2), and sends it through the
 * transport. Any thread; takes no lock.
 *
 * <p>Every event is sent, also while an older one is not acknowledged: the driver acknowledges
 * first and looks at the rings afterwards. If the host fails to send one, that is logged, once: a
 * driver that reads the status still finds the reason.
 */
final class InterruptStatus implements DeviceInterrupts {
  /** The device published used buffers. */
  static final int USED_BUFFER = 1;

  /** The configuration changed, or the device needs a reset. */
  static final int CONFIGURATION = 2;

  private static final Logger log = LoggerFactory.getLogger(InterruptStatus.class);

  private final DeviceInterrupts wires;
  private final AtomicInteger bits = new AtomicInteger();
  private final AtomicBoolean failed = new AtomicBoolean();

  /**
   * @param wires how the transport interrupts the driver
   */
  InterruptStatus(DeviceInterrupts wires) {
    this.wires = wires;
  }

  @Override
  public void usedBuffers(int queue) {
    bits.getAndUpdate(old -> old | USED_BUFFER);
    sendUsedBuffers(queue);
  }

  private void sendUsedBuffers(int queue) {
    try {
      wires.usedBuffers(queue);
    } catch (UncheckedIOException e) {
      cannotSend(e);
    }
  }

  @Override
  public void configurationChanged() {
    bits.getAndUpdate(old -> old | CONFIGURATION);
    sendConfigurationChanged();
  }

  private void sendConfigurationChanged() {
    try {
      wires.configurationChanged();
    } catch (UncheckedIOException e) {
      cannotSend(e);
    }
  }

  private void cannotSend(UncheckedIOException e) {
    if (failed.compareAndSet(false, true)) {
      log.error("the guest cannot be interrupted", e);
    }
  }

  /** Sends again what the driver has not acknowledged, for all queues. */
  void sendAgain() {
    int reasons = bits.get();
    if ((reasons & USED_BUFFER) != 0) {
      sendUsedBuffers(ALL_QUEUES);
    }
    if ((reasons & CONFIGURATION) != 0) {
      sendConfigurationChanged();
    }
  }

  void acknowledge(int reasons) {
    bits.getAndUpdate(old -> old & ~reasons);
  }

  int get() {
    return bits.get();
  }

  /** Replaces the reasons, and sends nothing. */
  void set(int reasons) {
    bits.set(reasons);
  }
}
