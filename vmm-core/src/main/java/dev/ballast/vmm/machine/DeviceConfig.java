package dev.ballast.vmm.machine;

import java.io.IOException;

/**
 * A device that a machine is to have. There is a record for each kind, in the module that has the
 * device: this module knows none of them.
 */
@FunctionalInterface
public interface DeviceConfig {
  /**
   * Makes the device and attaches it to the machine.
   *
   * @param machine the machine being built; must not be kept
   * @throws IOException if host resources are missing, with a message for the user; what was
   *     attached is closed with the machine
   */
  void attach(MachineBuilder machine) throws IOException;
}
