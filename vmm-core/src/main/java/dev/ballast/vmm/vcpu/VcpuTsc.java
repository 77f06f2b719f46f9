package dev.ballast.vmm.vcpu;

import java.io.IOException;

/** The time stamp counter of one vCPU. Call its methods with the vCPU parked. */
public interface VcpuTsc {
  /** Returns its frequency in kHz, or 0 if KVM does not report one. */
  int khz();

  /**
   * Sets its frequency in kHz.
   *
   * @throws IOException if the host cannot scale its own to that
   */
  void khz(int khz) throws IOException;

  /** Returns its value now: it ticks while the vCPU is parked, too. */
  long value() throws IOException;

  /** Sets its value. If it is close to another vCPU's TSC, KVM may synchronise the two instead. */
  void value(long value) throws IOException;

  /** Returns whether KVM supports {@link #offset}. */
  boolean hasOffset();

  /** Returns its offset from the host's TSC in ticks of its own frequency, modulo 2^64. */
  long offset() throws IOException;

  /** Sets its offset from the host's TSC. */
  void offset(long offset) throws IOException;

  /** Rearms the TSC-deadline timer, if the guest has armed it, for the current value of the TSC. */
  void restartDeadline() throws IOException;
}
