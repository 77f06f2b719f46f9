package dev.ballast.virtio.plugged;

import dev.ballast.virtio.transport.VirtioDevice;
import dev.ballast.virtio.transport.VirtioDeviceConfig;
import dev.ballast.vmm.machine.MachineBuilder;

/**
 * The second edit that a new device takes.
 *
 * @param seed of the numbers
 */
record EntropyConfig(long seed) implements VirtioDeviceConfig {
  @Override
  public String name() {
    return "entropy0";
  }

  @Override
  public VirtioDevice create(MachineBuilder machine) {
    return new EntropyDevice(seed);
  }
}
