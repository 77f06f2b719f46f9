package dev.ballast.vmm.device;

/**
 * Receives what a guest requests of the machine through its devices. Called on vCPU threads; must
 * not block.
 */
public interface PlatformEvents {
  /** Called when the guest resets the machine. */
  void reset();

  /** Called when the guest switches itself off. */
  void powerOff();

  /** Called when the guest's kernel has panicked. */
  void panicked();

  /**
   * Called when the guest's kernel has panicked and the crash kernel that it has loaded takes over.
   */
  void crashKernelTakesOver();
}
