package dev.ballast.virtio.balloon;

import dev.ballast.virtio.transport.VirtioDevice;
import dev.ballast.virtio.transport.VirtioDeviceConfig;
import dev.ballast.vmm.machine.MachineBuilder;
import java.io.IOException;

/**
 * The features that a balloon device offers.
 *
 * @param mustTellHost VIRTIO_BALLOON_F_MUST_TELL_HOST: the driver waits for the device before it
 *     uses a page again. Without it a migration cannot leave the balloon's pages out
 * @param deflateOnOom VIRTIO_BALLOON_F_DEFLATE_ON_OOM: the guest may take pages back when it runs
 *     out of memory
 * @param stats VIRTIO_BALLOON_F_STATS_VQ: the driver reports how the guest uses its memory
 */
public record BalloonConfig(boolean mustTellHost, boolean deflateOnOom, boolean stats)
    implements VirtioDeviceConfig {
  /** All are offered. */
  public static final BalloonConfig DEFAULT = new BalloonConfig(true, true, true);

  @Override
  public String name() {
    return "balloon0";
  }

  /** {@inheritDoc} Adds its bitmap to the machine as a RAM block and as the page filter. */
  @Override
  public VirtioDevice create(MachineBuilder machine) throws IOException {
    BalloonDevice device = new BalloonDevice(machine.memory(), this);
    machine.addRamBlock(device.bitmap().block());
    machine.pageFilter(device.bitmap());
    return device;
  }
}
