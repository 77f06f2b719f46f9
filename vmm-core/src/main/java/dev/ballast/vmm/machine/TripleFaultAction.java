package dev.ballast.vmm.machine;

/** What a machine does when a vCPU faults while it handles a double fault. */
public enum TripleFaultAction {
  /**
   * Resets the machine, which boots again. The processor goes into shutdown then (Intel SDM 3A
   * §6.15, AMD APM 2 §14.1.3), and a PC's chipset resets it; some guests reboot in that way.
   */
  RESET,
  /** Stops in {@link RunState#INTERNAL_ERROR}, to be inspected, and reset or ended later. */
  STOP,
  /**
   * Stops in {@link RunState#INTERNAL_ERROR}; the listener is to end the process, as for any other
   * reason for which a vCPU cannot go on ({@link MachineEvent.Crashed#stays}).
   */
  FAIL
}
