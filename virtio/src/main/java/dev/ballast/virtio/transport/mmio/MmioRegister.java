package dev.ballast.virtio.transport.mmio;

/** The offsets of the virtio-mmio registers in bytes (virtio v1.3 §4.2.2). */
public final class MmioRegister {
  /** "virt", read-only. */
  public static final int MAGIC_VALUE = 0x000;

  /** 2, read-only. */
  public static final int VERSION = 0x004;

  /** The virtio device ID (virtio v1.3 §5), read-only. */
  public static final int DEVICE_ID = 0x008;

  /** The vendor ID, read-only. */
  public static final int VENDOR_ID = 0x00c;

  /** 32 features that the device offers, read-only. */
  public static final int DEVICE_FEATURES = 0x010;

  /** Which 32 those are, write-only. */
  public static final int DEVICE_FEATURES_SELECT = 0x014;

  /** 32 features that the driver accepts, write-only. */
  public static final int DRIVER_FEATURES = 0x020;

  /** Which 32 those are, write-only. */
  public static final int DRIVER_FEATURES_SELECT = 0x024;

  /** The number of the queue that the queue registers refer to, write-only. */
  public static final int QUEUE_SELECT = 0x030;

  /** The most descriptors that the queue can have, 0 if there is no such queue; read-only. */
  public static final int QUEUE_SIZE_MAX = 0x034;

  /** How many descriptors the queue has, write-only. */
  public static final int QUEUE_SIZE = 0x038;

  /** Whether the queue is enabled. */
  public static final int QUEUE_READY = 0x044;

  /** The number of a queue that has something available, write-only. */
  public static final int QUEUE_NOTIFY = 0x050;

  /** Why the device interrupted, read-only. */
  public static final int INTERRUPT_STATUS = 0x060;

  /** Which of those the driver has handled, write-only. */
  public static final int INTERRUPT_ACK = 0x064;

  /** The bits of {@link dev.ballast.virtio.transport.DeviceStatus}; writing 0 resets. */
  public static final int STATUS = 0x070;

  /** The descriptor table, low half, write-only. */
  public static final int QUEUE_DESCRIPTOR_LOW = 0x080;

  /** The descriptor table, high half, write-only. */
  public static final int QUEUE_DESCRIPTOR_HIGH = 0x084;

  /** The available ring, low half, write-only. */
  public static final int QUEUE_DRIVER_LOW = 0x090;

  /** The available ring, high half, write-only. */
  public static final int QUEUE_DRIVER_HIGH = 0x094;

  /** The used ring, low half, write-only. */
  public static final int QUEUE_DEVICE_LOW = 0x0a0;

  /** The used ring, high half, write-only. */
  public static final int QUEUE_DEVICE_HIGH = 0x0a4;

  /** The length of a shared memory region, low half, read-only. */
  public static final int SHM_LENGTH_LOW = 0x0b0;

  /** The length of a shared memory region, high half, read-only. */
  public static final int SHM_LENGTH_HIGH = 0x0b4;

  /** The address of a shared memory region, low half, read-only. */
  public static final int SHM_BASE_LOW = 0x0b8;

  /** The address of a shared memory region, high half, read-only. */
  public static final int SHM_BASE_HIGH = 0x0bc;

  /** Changes with the configuration space, read-only. */
  public static final int CONFIG_GENERATION = 0x0fc;

  /** Where the configuration space starts. */
  public static final int CONFIG = 0x100;

  private MmioRegister() {}
}
