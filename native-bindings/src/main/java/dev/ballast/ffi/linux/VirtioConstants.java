package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.virtio.VirtioH;
import dev.ballast.ffi.generated.virtio.virtio_balloon_config;
import dev.ballast.ffi.generated.virtio.vring_desc;
import dev.ballast.ffi.generated.virtio.vring_used_elem;

/** Constants of virtio from {@code linux/virtio_*.h}; features are bit numbers. */
public final class VirtioConstants {
  public static final int RING_F_INDIRECT_DESC = VirtioH.VIRTIO_RING_F_INDIRECT_DESC();
  public static final int RING_F_EVENT_IDX = VirtioH.VIRTIO_RING_F_EVENT_IDX();
  public static final int F_VERSION_1 = VirtioH.VIRTIO_F_VERSION_1();

  public static final int STATUS_ACKNOWLEDGE = VirtioH.VIRTIO_CONFIG_S_ACKNOWLEDGE();
  public static final int STATUS_DRIVER = VirtioH.VIRTIO_CONFIG_S_DRIVER();
  public static final int STATUS_DRIVER_OK = VirtioH.VIRTIO_CONFIG_S_DRIVER_OK();
  public static final int STATUS_FEATURES_OK = VirtioH.VIRTIO_CONFIG_S_FEATURES_OK();
  public static final int STATUS_NEEDS_RESET = VirtioH.VIRTIO_CONFIG_S_NEEDS_RESET();
  public static final int STATUS_FAILED = VirtioH.VIRTIO_CONFIG_S_FAILED();

  public static final int DESC_F_NEXT = VirtioH.VRING_DESC_F_NEXT();
  public static final int DESC_F_WRITE = VirtioH.VRING_DESC_F_WRITE();
  public static final int DESC_F_INDIRECT = VirtioH.VRING_DESC_F_INDIRECT();
  public static final int AVAIL_F_NO_INTERRUPT = VirtioH.VRING_AVAIL_F_NO_INTERRUPT();
  public static final int USED_F_NO_NOTIFY = VirtioH.VRING_USED_F_NO_NOTIFY();

  /** Size in bytes of a descriptor. */
  public static final int DESC_SIZE = (int) vring_desc.sizeof();

  /** Size in bytes of an entry of the used ring. */
  public static final int USED_ELEM_SIZE = (int) vring_used_elem.sizeof();

  public static final int ID_BALLOON = VirtioH.VIRTIO_ID_BALLOON();
  public static final int BALLOON_F_MUST_TELL_HOST = VirtioH.VIRTIO_BALLOON_F_MUST_TELL_HOST();
  public static final int BALLOON_F_STATS_VQ = VirtioH.VIRTIO_BALLOON_F_STATS_VQ();
  public static final int BALLOON_F_DEFLATE_ON_OOM = VirtioH.VIRTIO_BALLOON_F_DEFLATE_ON_OOM();
  public static final int BALLOON_PFN_SHIFT = VirtioH.VIRTIO_BALLOON_PFN_SHIFT();

  /** Offset in bytes of {@code actual} in the balloon's configuration space. */
  public static final int BALLOON_CONFIG_ACTUAL = (int) virtio_balloon_config.actual$offset();

  private VirtioConstants() {}
}
