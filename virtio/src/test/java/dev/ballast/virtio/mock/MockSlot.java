package dev.ballast.virtio.mock;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.vmm.bus.MmioSlot;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * A place for a virtio-mmio device on no board: a real event, and an interrupt line that counts.
 */
public final class MockSlot implements AutoCloseable {
  private final CountingInterrupt interrupt = new CountingInterrupt();
  private final MmioSlot slot;

  /** Makes the event. */
  public MockSlot() {
    try {
      slot = new MmioSlot(0xd000_0000L, 0x1000, interrupt, 5, EventFd.create(false));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the slot. */
  public MmioSlot slot() {
    return slot;
  }

  /** Returns the interrupt line. */
  public CountingInterrupt interrupt() {
    return interrupt;
  }

  /** Closes the event; the device must be closed already. */
  @Override
  public void close() {
    slot.queueNotify().close();
  }
}
