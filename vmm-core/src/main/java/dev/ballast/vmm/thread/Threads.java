package dev.ballast.vmm.thread;

/** Waiting for threads that use memory or descriptors which are about to go. */
public final class Threads {
  private Threads() {}

  /**
   * Waits until a thread has ended, whatever happens: an interrupt is kept for later. Returns at
   * once for one that was never started.
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
