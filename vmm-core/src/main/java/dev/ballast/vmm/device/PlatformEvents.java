package dev.ballast.vmm.device;

/** What a guest asks of the machine through its devices. Called on vCPU threads; must not block. */
public interface PlatformEvents {
  /** The guest reboots. */
  void reset();

  /** The guest switched itself off. */
  void powerOff();

  /**
   * The guest's kernel panicked.
   *
   * @param events bit 0: it panicked, bit 1: it goes on with a crash kernel
   */
  void guestPanic(int events);
}
