package dev.ballast.virtio.transport.mmio;

import dev.ballast.virtio.transport.DeviceInterrupts;
import dev.ballast.vmm.irq.InterruptLine;

/**
 * One edge-triggered line for everything: the driver reads InterruptStatus to learn why.
 *
 * @param line to the interrupt controller
 */
record LineInterrupts(InterruptLine line) implements DeviceInterrupts {
  @Override
  public void usedBuffers(int queue) {
    line.pulse();
  }

  @Override
  public void configurationChanged() {
    line.pulse();
  }
}
