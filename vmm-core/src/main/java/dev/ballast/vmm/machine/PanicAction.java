package dev.ballast.vmm.machine;

/**
 * What a machine does when its guest reports that its kernel panicked. To the machine {@link
 * #FAIL}, {@link #POWEROFF} and {@link #STOP} are the same: {@link Machine#resume} or {@link
 * Machine#reset} can follow. Listeners learn from {@link MachineEvent.Panicked} which of them it
 * is.
 */
public enum PanicAction {
  /** Stops in {@link RunState#GUEST_PANICKED}; the listener is to end the process as failed. */
  FAIL,
  /** Stops in {@link RunState#GUEST_PANICKED}; the listener is to end the process as done. */
  POWEROFF,
  /** Stops in {@link RunState#GUEST_PANICKED}, to be inspected, and continued or reset later. */
  STOP,
  /** Resets the machine, which boots again. */
  RESET,
  /** Lets the guest run on: it may reboot by itself or wait for ever, as it is configured to. */
  CONTINUE
}
