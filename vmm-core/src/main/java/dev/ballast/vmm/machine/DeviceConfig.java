package dev.ballast.vmm.machine;

import java.io.IOException;

/**
 * A device that a machine is to have. There is a record for each kind, which a module of devices
 * owns: this one knows none of them.
 */
@FunctionalInterface
public interface DeviceConfig {
  /**
   * Makes the device and attaches it to what the machine is made of so far.
   *
   * @param machine what is being built; not to be kept
   * @throws IOException if host resources are missing, with a message for the user; what was
   *     attached goes with the machine
   */
  void attach(MachineBuilder machine) throws IOException;
}
