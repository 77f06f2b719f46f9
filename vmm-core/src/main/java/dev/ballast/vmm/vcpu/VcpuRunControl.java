package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmRun;
import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.ThreadKick;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Holds what is requested of a vCPU's thread, and makes the thread notice: it runs its guest, is
 * parked, carries out a task, or stays out of the guest for a throttle pause.
 *
 * <p>A kick (KVM API §5, {@code immediate_exit}) is a flag that KVM_RUN looks at before it enters
 * the guest, and a signal that makes it leave: together they leave no window.
 */
final class VcpuRunControl {
  private enum RunRequest {
    RUN,
    /** Leave the guest for the tasks, then run it again. */
    DETOUR,
    PAUSE,
    END
  }

  private final KvmRun run;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private volatile RunRequest request = RunRequest.PAUSE;
  private final Queue<Runnable> tasks = new ArrayDeque<>();
  private boolean parked;
  private boolean terminated;
  private boolean ended;

  /** How long to stay out of the guest from the next exit on, in nanoseconds; 0 for no pause. */
  private volatile long throttleNanos;

  private @Nullable Thread thread;
  private volatile int threadId;

  /**
   * @param run the vCPU's run page, which holds {@code immediate_exit}
   */
  VcpuRunControl(KvmRun run) {
    this.run = run;
  }

  /** Returns the host's id of the vCPU's thread (gettid), or 0 before it started. Any thread. */
  int threadId() {
    return threadId;
  }

  /** Makes the calling thread the vCPU's. */
  void attach() {
    lock.lock();
    try {
      thread = Thread.currentThread();
      threadId = ThreadKick.currentThreadId();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Counts as parked from now on: the vCPU's thread ends, so that waiting for it to park must not
   * block.
   */
  void detach() {
    lock.lock();
    try {
      ended = true;
      parked = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Parks the vCPU's thread until it is asked to run its guest, or to carry out a task: {@link
   * #nextTask} says which. Returns false when the thread is to end.
   */
  boolean park() {
    lock.lock();
    try {
      if (request == RunRequest.DETOUR && tasks.isEmpty()) {
        run.immediateExit((byte) 0);
        throttleNanos = 0;
        request = RunRequest.RUN;
      }
      while (request == RunRequest.PAUSE && tasks.isEmpty()) {
        parked = true;
        changed.signalAll();
        changed.awaitUninterruptibly();
      }
      ended = request == RunRequest.END && tasks.isEmpty();
      parked = ended;
      return !ended;
    } finally {
      lock.unlock();
    }
  }

  /** Returns the next task, on the vCPU's thread after {@link #park}, or null if there is none. */
  @Nullable Runnable nextTask() {
    lock.lock();
    try {
      return tasks.poll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Has the vCPU's thread carry out a task outside of the guest. Does not wait.
   *
   * @throws RejectedExecutionException if the thread has ended
   */
  void execute(Runnable task) {
    lock.lock();
    try {
      if (ended) {
        throw new RejectedExecutionException("the vCPU's thread has ended");
      }
      tasks.add(task);
      if (request == RunRequest.RUN) {
        request = RunRequest.DETOUR;
        run.immediateExit((byte) 1);
        kick();
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether the guest is to run. Takes no lock. */
  boolean isRunRequested() {
    return request == RunRequest.RUN;
  }

  /** Waits, on the vCPU's thread, for the end of a throttle pause. Takes no lock without one. */
  void awaitThrottlePause() {
    if (throttleNanos == 0) {
      return;
    }
    lock.lock();
    try {
      long end = System.nanoTime() + throttleNanos;
      long left = throttleNanos;
      while (request == RunRequest.RUN && throttleNanos != 0 && left > 0) {
        changed.awaitNanos(left);
        left = end - System.nanoTime();
      }
    } catch (InterruptedException _) {
      // Nothing interrupts a vCPU's thread: a pause that ends early only makes the guest faster.
      Thread.currentThread().interrupt();
    } finally {
      throttleNanos = 0;
      if (request == RunRequest.RUN) {
        run.immediateExit((byte) 0);
      }
      lock.unlock();
    }
  }

  /** Records that the vCPU cannot go on: {@link #resume} has no effect from now on. */
  void terminate() {
    lock.lock();
    try {
      terminated = true;
      if (request == RunRequest.RUN || request == RunRequest.DETOUR) {
        request = RunRequest.PAUSE;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Clears {@link #terminate}. */
  void clearTerminated() {
    lock.lock();
    try {
      terminated = false;
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether the vCPU cannot go on. */
  boolean isTerminated() {
    lock.lock();
    try {
      return terminated;
    } finally {
      lock.unlock();
    }
  }

  /** Resumes the guest. Has no effect on a vCPU that cannot go on. */
  void resume() {
    lock.lock();
    try {
      if (request == RunRequest.PAUSE && !terminated) {
        run.immediateExit((byte) 0);
        throttleNanos = 0;
        request = RunRequest.RUN;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Asks the vCPU to leave the guest and park; does not wait. Any thread, its own too. */
  void requestPause() {
    request(RunRequest.PAUSE);
  }

  /** Asks the vCPU's thread to leave the guest and end; does not wait. */
  void requestEnd() {
    request(RunRequest.END);
  }

  private void request(RunRequest next) {
    lock.lock();
    try {
      if (request == RunRequest.END) {
        return;
      }
      request = next;
      if (!parked) {
        run.immediateExit((byte) 1);
        kick();
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Requests a throttle pause, or ends the one that is under way.
   *
   * @param nanos how long; 0 ends it
   */
  void throttlePause(long nanos) {
    lock.lock();
    try {
      if (request == RunRequest.RUN) {
        boolean pausing = throttleNanos != 0;
        throttleNanos = nanos;
        if (nanos > 0 && !pausing) {
          run.immediateExit((byte) 1);
          kick();
        } else if (nanos == 0) {
          // The vCPU may not have seen the pause yet, and would never clear what it then finds set.
          run.immediateExit((byte) 0);
        }
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the vCPU's thread is parked. */
  void awaitParked() {
    lock.lock();
    try {
      while (!parked) {
        changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Makes the vCPU's thread leave KVM_RUN; its own, or one that has not started, is not in it. */
  private void kick() {
    if (threadId == 0 || thread == Thread.currentThread()) {
      return;
    }
    try {
      ThreadKick.kick(threadId);
    } catch (ErrnoException e) {
      // ESRCH: the thread is gone, and with it the guest it would have to leave.
      if (e.errno() != Errno.ESRCH) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
