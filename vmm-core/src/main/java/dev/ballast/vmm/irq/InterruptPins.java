package dev.ballast.vmm.irq;

/** The inputs of an interrupt controller. Any thread. */
public interface InterruptPins {
  /** Sets the level of a pin; has no effect when it is there already. */
  void setLevel(int pin, boolean high);
}
