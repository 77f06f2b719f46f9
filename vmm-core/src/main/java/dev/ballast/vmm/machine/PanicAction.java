package dev.ballast.vmm.machine;

/** What a machine does when its guest says that its kernel panicked. */
public enum PanicAction {
  /**
   * Stops in {@link RunState#GUEST_PANICKED}, for good: the machine's user takes it as a failure.
   */
  FAIL,
  /** Stops in {@link RunState#GUEST_PANICKED}, for good, as was to be expected of this guest. */
  POWEROFF,
  /** Stops in {@link RunState#GUEST_PANICKED}, to be looked at, and reset or ended later. */
  STOP,
  /** Resets the machine, which boots again. */
  RESET,
  /** Lets the guest run on: it may reboot by itself or wait for ever, as it is told to. */
  CONTINUE
}
