package dev.ballast.virtio.transport;

import dev.ballast.ffi.linux.VirtioConstants;

/** The bits of the device status (virtio v1.3 §2.1); 0 means reset. */
public final class DeviceStatus {
  /** The guest noticed the device. */
  public static final int ACKNOWLEDGE = VirtioConstants.STATUS_ACKNOWLEDGE;

  /** The guest has a driver for it. */
  public static final int DRIVER = VirtioConstants.STATUS_DRIVER;

  /** The driver is set up: the device is live. */
  public static final int DRIVER_OK = VirtioConstants.STATUS_DRIVER_OK;

  /** Driver and device agree on features. */
  public static final int FEATURES_OK = VirtioConstants.STATUS_FEATURES_OK;

  /** The device met an error that only a reset ends. Set by the device. */
  public static final int DEVICE_NEEDS_RESET = VirtioConstants.STATUS_NEEDS_RESET;

  /** The driver gave up. */
  public static final int FAILED = VirtioConstants.STATUS_FAILED;

  /** The bits that the driver may set. */
  static final int DRIVER_BITS = ACKNOWLEDGE | DRIVER | DRIVER_OK | FEATURES_OK | FAILED;

  private DeviceStatus() {}

  /** Returns whether the bits are in an order in which a driver can have set them. */
  static boolean isConsistent(int status) {
    return (status & ~(DRIVER_BITS | DEVICE_NEEDS_RESET)) == 0
        && implies(status, DRIVER, ACKNOWLEDGE)
        && implies(status, FEATURES_OK, DRIVER)
        && implies(status, DRIVER_OK, FEATURES_OK)
        && implies(status, DEVICE_NEEDS_RESET, DRIVER_OK);
  }

  private static boolean implies(int status, int bit, int before) {
    return (status & bit) == 0 || (status & before) != 0;
  }
}
