package dev.ballast.virtio.transport;

/**
 * How a device interrupts its driver. Each transport has its own wires: virtio-mmio one line for
 * all reasons, virtio-pci a message for each queue. Any thread; neither method blocks.
 *
 * <p>A host that cannot interrupt its guest is no fault of the guest's: {@link
 * java.io.UncheckedIOException}.
 */
public interface DeviceInterrupts {
  /** Stands for every queue. */
  int ALL_QUEUES = -1;

  /**
   * Says that the device has used buffers.
   *
   * @param queue of which queue, or {@link #ALL_QUEUES}
   */
  void usedBuffers(int queue);

  /** Says that the configuration changed, or that the device needs a reset. */
  void configurationChanged();
}
