package dev.ballast.vmm.device;

import dev.ballast.vmm.irq.InterruptLine;

/** An interrupt line that remembers its level and its rising edges. */
final class RecordingLine implements InterruptLine {
  private boolean high;
  private int edges;

  @Override
  public synchronized void setLevel(boolean level) {
    if (level && !high) {
      edges++;
    }
    high = level;
  }

  @Override
  public synchronized void pulse() {
    edges++;
  }

  synchronized boolean isHigh() {
    return high;
  }

  synchronized int edges() {
    return edges;
  }
}
