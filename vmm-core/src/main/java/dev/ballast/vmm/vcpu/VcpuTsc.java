package dev.ballast.vmm.vcpu;

import java.io.IOException;

/** The time stamp counter of one vCPU, which is parked whenever it is touched. */
public interface VcpuTsc {
  /** Returns how fast it ticks in kHz, or 0 where KVM does not say. */
  int khz();

  /**
   * Sets how fast it ticks.
   *
   * @throws IOException if the host cannot scale its own to that
   */
  void khz(int khz) throws IOException;

  /** Returns its value now: it ticks while the vCPU is parked, too. */
  long value() throws IOException;

  /** Sets its value. KVM may take it for that of another vCPU instead, if the two are close. */
  void value(long value) throws IOException;

  /** Returns whether KVM has {@link #offset}. */
  boolean hasOffset();

  /** Returns its distance to the host's in ticks of its own, modulo 2^64. */
  long offset() throws IOException;

  /** Sets its distance to the host's. */
  void offset(long offset) throws IOException;

  /** Starts the timer of a TSC deadline again, if there is one, by what the TSC is now. */
  void restartDeadline() throws IOException;
}
