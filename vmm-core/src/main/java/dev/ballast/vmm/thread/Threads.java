package dev.ballast.vmm.thread;

import java.util.concurrent.CountDownLatch;

/** Waits for other threads, whatever interrupts the calling one. */
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

  /**
   * Waits until a latch has counted down to zero. An interrupt does not end the wait: the interrupt
   * status is set again afterwards.
   */
  public static void awaitUninterruptibly(CountDownLatch latch) {
    boolean interrupted = false;
    boolean open = false;
    while (!open) {
      try {
        latch.await();
        open = true;
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
