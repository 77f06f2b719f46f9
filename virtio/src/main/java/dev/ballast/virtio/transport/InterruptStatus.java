package dev.ballast.virtio.transport;

import dev.ballast.vmm.irq.InterruptLine;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Why the device interrupted, and the interrupt line (virtio v1.3 §4.2.2, InterruptStatus and
 * InterruptACK). Any thread; takes no lock.
 *
 * <p>The line is edge-triggered, so that every event makes an edge, also while an older one is not
 * acknowledged: the driver acknowledges first and looks at the rings afterwards. Should the host
 * fail to make an edge, that is logged, once: the reason stands for a driver that looks.
 */
final class InterruptStatus {
  /** The device published used buffers. */
  static final int USED_BUFFER = 1;

  /** The configuration changed, or the device needs a reset. */
  static final int CONFIGURATION = 2;

  private static final Logger LOG = LoggerFactory.getLogger(InterruptStatus.class);

  private final InterruptLine line;
  private final AtomicInteger bits = new AtomicInteger();
  private final AtomicBoolean failed = new AtomicBoolean();

  InterruptStatus(InterruptLine line) {
    this.line = line;
  }

  void raise(int reason) {
    bits.getAndUpdate(old -> old | reason);
    pulse();
  }

  private void pulse() {
    try {
      line.pulse();
    } catch (UncheckedIOException e) {
      if (failed.compareAndSet(false, true)) {
        LOG.error("the guest cannot be interrupted", e);
      }
    }
  }

  /** Makes the edge again for what the driver has not acknowledged. */
  void raiseAgain() {
    if (bits.get() != 0) {
      pulse();
    }
  }

  void acknowledge(int reasons) {
    bits.getAndUpdate(old -> old & ~reasons);
  }

  int get() {
    return bits.get();
  }

  /** Replaces the reasons, without an edge. */
  void set(int reasons) {
    bits.set(reasons);
  }
}
