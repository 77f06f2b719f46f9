package dev.ballast.virtio.mock;

import dev.ballast.vmm.irq.InterruptLine;
import java.util.concurrent.atomic.AtomicInteger;

/** An edge-triggered interrupt line that counts its edges. */
public final class CountingInterrupt implements InterruptLine {
  private final AtomicInteger edges = new AtomicInteger();

  @Override
  public void setLevel(boolean high) {
    throw new UnsupportedOperationException("the line is edge-triggered");
  }

  @Override
  public void pulse() {
    edges.incrementAndGet();
  }

  /** Returns how many edges there were. */
  public int edges() {
    return edges.get();
  }
}
