package dev.ballast.virtio.transport;

import dev.ballast.ffi.linux.VirtioConstants;

/** Feature bits that every kind of device may offer, as masks (virtio v1.3 §6). */
public final class VirtioFeature {
  /** VIRTIO_F_INDIRECT_DESC: a descriptor may refer to a table of descriptors. */
  public static final long INDIRECT_DESC = 1L << VirtioConstants.RING_F_INDIRECT_DESC;

  /** VIRTIO_F_EVENT_IDX: each side names the index at which it wants to be notified. */
  public static final long EVENT_IDX = 1L << VirtioConstants.RING_F_EVENT_IDX;

  /** VIRTIO_F_VERSION_1: not legacy. Always offered, and the driver must accept it. */
  public static final long VERSION_1 = 1L << VirtioConstants.F_VERSION_1;

  private VirtioFeature() {}
}
