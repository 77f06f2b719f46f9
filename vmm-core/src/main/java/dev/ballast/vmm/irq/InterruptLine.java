package dev.ballast.vmm.irq;

/**
 * A device's wire to the interrupt controllers (a GSI). Any thread.
 *
 * <p>Both methods throw {@link java.io.UncheckedIOException} if KVM refuses, which no guest can
 * cause.
 */
public interface InterruptLine {
  /** Sets the level of a level-triggered line; has no effect when it is there already. */
  void setLevel(boolean high);

  /** Makes one rising edge on an edge-triggered line. */
  void pulse();
}
