package dev.ballast.vmm.machine;

/** What a guest's clocks do while it is stopped or migrates. */
public enum ClockPolicy {
  /** They stand still: the guest never sees them jump, and its wall clock falls behind. */
  HOLD,

  /**
   * They catch up with the host's wall clock. The hosts' wall clocks must agree. Needs Linux 5.16.
   */
  REALTIME
}
