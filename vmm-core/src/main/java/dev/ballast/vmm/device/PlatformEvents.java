package dev.ballast.vmm.device;

/** What a guest asks of the machine through its devices. Called on vCPU threads; must not block. */
public interface PlatformEvents {
  /** The guest reboots. */
  void reset();

  /** The guest switched itself off. */
  void powerOff();

  /** The guest's kernel panicked. */
  void panicked();

  /** The guest's kernel panicked, and the crash kernel that it has loaded takes over. */
  void crashKernelTakesOver();
}
