package dev.ballast.vmm.vcpu;

import dev.ballast.vmm.thread.Threads;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Throttles vCPUs: they run for a time slice, then all of them stay out of the guest for the rest
 * of the period. Its thread exists only while it throttles.
 */
final class VcpuThrottle {
  /** How long vCPUs run between two throttle pauses. */
  private static final long RUN_NANOS = 10_000_000L;

  private static final int ALL = 100;

  private final List<VcpuThread> vcpus;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private int percentage;
  private @Nullable Thread ticker;

  VcpuThrottle(List<VcpuThread> vcpus) {
    this.vcpus = vcpus;
  }

  /** Returns the share of the time that vCPUs stay out of the guest, in percent. Any thread. */
  int percentage() {
    lock.lock();
    try {
      return percentage;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Sets the share of the time that vCPUs stay out of the guest. With 0 they run freely when this
   * returns. Any thread but a vCPU's.
   *
   * @param percent 0 to 99
   */
  void set(int percent) {
    if (percent < 0 || percent >= ALL) {
      throw new IllegalArgumentException("throttle " + percent + " %: must be 0 to 99");
    }
    @Nullable Thread ended = null;
    lock.lock();
    try {
      percentage = percent;
      if (percent == 0) {
        ended = ticker;
        ticker = null;
      } else if (ticker == null) {
        ticker = Thread.ofPlatform().daemon().name("vcpu-throttle").start(this::tick);
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (ended != null) {
      Threads.joinUninterruptibly(ended);
      vcpus.forEach(vcpu -> vcpu.throttlePause(0));
    }
  }

  private void tick() {
    lock.lock();
    try {
      while (ticker == Thread.currentThread()) {
        long pause = RUN_NANOS * percentage / (ALL - percentage);
        vcpus.forEach(vcpu -> vcpu.throttlePause(pause));
        long end = System.nanoTime() + pause + RUN_NANOS;
        int before = percentage;
        long left = pause + RUN_NANOS;
        while (ticker == Thread.currentThread() && percentage == before && left > 0) {
          changed.awaitNanos(left);
          left = end - System.nanoTime();
        }
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }
}
