package dev.ballast.virtio.queue;

/**
 * The driver broke a rule of the virtqueue. The device sets DEVICE_NEEDS_RESET; the machine runs
 * on.
 */
public final class VirtqueueException extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * @param message which rule was broken, with the value found
   */
  public VirtqueueException(String message) {
    // A hostile guest can cause these as fast as it can reset the device: no stack trace.
    super(message, null, false, false);
  }
}
