package dev.ballast.virtio.transport;

/**
 * How a device interrupts its driver. Each transport has its own wires: virtio-mmio one line for
 * all reasons, virtio-pci would have a message for each queue. Any thread; neither method blocks.
 *
 * <p>Both throw {@link java.io.UncheckedIOException} if the host cannot interrupt its guest, which
 * no guest can cause.
 */
public interface DeviceInterrupts {
  /** A queue number that stands for every queue. */
  int ALL_QUEUES = -1;

  /**
   * Notifies the driver that the device has used buffers.
   *
   * @param queue the number of their queue, or {@link #ALL_QUEUES}
   */
  void usedBuffers(int queue);

  /** Notifies the driver that the configuration changed, or that the device needs a reset. */
  void configurationChanged();
}
