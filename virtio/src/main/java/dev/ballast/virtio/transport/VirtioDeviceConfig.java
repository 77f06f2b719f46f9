package dev.ballast.virtio.transport;

import dev.ballast.vmm.machine.MachineBuilder;
import java.io.IOException;

/**
 * A virtio device that a machine is to have, whatever the transport; a record for each kind. {@code
 * transport.mmio.VirtioMmioConfig} attaches it to a machine.
 */
public interface VirtioDeviceConfig {
  /** Returns the name, for instance {@code balloon0}: no two devices of a machine have the same. */
  String name();

  /**
   * Makes the device.
   *
   * @param machine the machine being built: guest RAM exists; RAM blocks can be added
   * @throws IOException if host resources are missing, with a message for the user
   */
  VirtioDevice create(MachineBuilder machine) throws IOException;
}
