package dev.ballast.virtio.transport;

/** The bits of the device status (virtio v1.3 §2.1); 0 means reset. */
public final class DeviceStatus {
  /** The guest noticed the device. */
  public static final int ACKNOWLEDGE = 1;

  /** The guest has a driver for it. */
  public static final int DRIVER = 2;

  /** The driver is set up: the device is live. */
  public static final int DRIVER_OK = 4;

  /** Driver and device agree on features. */
  public static final int FEATURES_OK = 8;

  /** The device met an error that only a reset ends. Set by the device. */
  public static final int DEVICE_NEEDS_RESET = 64;

  /** The driver gave up. */
  public static final int FAILED = 128;

  /** What the driver may set. */
  static final int DRIVER_BITS = ACKNOWLEDGE | DRIVER | DRIVER_OK | FEATURES_OK | FAILED;

  private DeviceStatus() {}

  /** Tells whether the bits are in an order in which a driver can have set them. */
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
