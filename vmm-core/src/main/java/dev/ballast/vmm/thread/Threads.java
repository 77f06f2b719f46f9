package dev.ballast.vmm.thread;

/** Waits for threads that use memory or descriptors which are closed next. */
public final class Threads {
  private Threads() {}

  /**
   * Waits until a thread has ended. An interrupt does not end the wait: the interrupt status is set
   * again afterwards. Returns at once for a thread that was never started.
   */
  public static void joinUninterruptibly(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
