package dev.ballast.virtio.mock;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.transport.VirtioDevice;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.irq.InterruptLine;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A device behind a real transport, in no machine: with real events for notifications, and an
 * interrupt line that counts.
 */
public final class MockTransport implements AutoCloseable {
  private final CountingInterrupt interrupt = new CountingInterrupt();
  private final List<EventFd> notifiers = new ArrayList<>();
  private final VirtioMmio mmio;

  /**
   * @param name of the device
   * @param memory guest RAM
   * @param device closed with this
   */
  public MockTransport(String name, GuestMemory memory, VirtioDevice device) {
    for (int i = 0; i < device.queueCount(); i++) {
      notifiers.add(notifier(false));
    }
    mmio = new VirtioMmio(name, device, memory, interrupt, notifiers);
  }

  /**
   * @param name of the device
   * @param memory guest RAM
   * @param device closed with this
   * @param line how the driver is interrupted
   * @param failing whether events of queues cannot be waited for
   */
  public MockTransport(
      String name, GuestMemory memory, VirtioDevice device, InterruptLine line, boolean failing) {
    for (int i = 0; i < device.queueCount(); i++) {
      notifiers.add(notifier(failing));
    }
    mmio = new VirtioMmio(name, device, memory, line, notifiers);
  }

  /** To wait for one that does not block fails while nothing is signalled. */
  private static EventFd notifier(boolean nonblocking) {
    try {
      return EventFd.create(nonblocking);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the transport. */
  public VirtioMmio transport() {
    return mmio;
  }

  /** Returns the driver's view of the registers. */
  public MmioDriverRegisters registers() {
    return new MmioDriverRegisters(mmio);
  }

  /** Returns a driver. */
  public MockDriver driver(GuestMemory memory, long free) {
    return new MockDriver(memory, registers(), free);
  }

  /** Returns the interrupt line. */
  public CountingInterrupt interrupt() {
    return interrupt;
  }

  /** Returns what a notification of a queue signals. */
  public EventFd notifier(int queue) {
    return notifiers.get(queue);
  }

  @Override
  public void close() {
    mmio.close();
    notifiers.forEach(EventFd::close);
  }
}
