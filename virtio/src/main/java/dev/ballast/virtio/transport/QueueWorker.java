package dev.ballast.virtio.transport;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.vmm.thread.Threads;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that serves a device's queues. It sleeps in the event that the guest's notifications
 * signal, and holds a lock for each batch: whoever has the lock knows that nobody touches guest
 * memory.
 *
 * <p>What goes wrong on the host's side (the event cannot be read or signalled, the device throws,
 * there is no memory behind a ring) is logged with its cause, and the driver hears of it as of a
 * rule that it broke: the device needs a reset. Without its event the device cannot be served
 * again, reset or not.
 */
final class QueueWorker {
  private static final Logger LOG = LoggerFactory.getLogger(QueueWorker.class);
  private static final @Nullable SplitVirtqueue[] NONE = {};

  private final VirtioDevice device;
  private final EventFd notify;
  private final InterruptStatus interrupts;
  private final Consumer<String> fault;
  private final Thread thread;

  /** Fair, so that a vCPU which resets the device gets its turn after the batch. */
  private final ReentrantLock lock = new ReentrantLock(true);

  /** By queue number, null where the driver has not enabled one; empty while there is no driver. */
  private @Nullable SplitVirtqueue[] queues = NONE;

  private boolean paused;
  private boolean deaf;
  private volatile boolean closed;

  /** Written with the lock held. */
  private final AtomicLong failures = new AtomicLong();

  /**
   * @param name of the thread
   * @param device who handles the queues
   * @param notify what a notification signals
   * @param interrupts how the driver hears of used buffers
   * @param fault takes which rule the driver broke, or that the host failed; called with the lock
   *     held
   */
  QueueWorker(
      String name,
      VirtioDevice device,
      EventFd notify,
      InterruptStatus interrupts,
      Consumer<String> fault) {
    this.device = device;
    this.notify = notify;
    this.interrupts = interrupts;
    this.fault = fault;
    this.thread = new Thread(this::run, name);
    thread.setDaemon(true);
    thread.setUncaughtExceptionHandler((t, e) -> LOG.error("{}: the queue worker died", name, e));
    thread.start();
  }

  private void run() {
    while (!closed) {
      try {
        notify.await();
        while (serveEach()) {
          // A queue that is never empty does not keep the others waiting: one batch each, in turn.
        }
      } catch (InternalError e) {
        // HotSpot's answer to a SIGBUS, which may come some instructions after the access.
        fail("the host has no memory for a queue", e);
      } catch (IOException | RuntimeException | Error e) {
        goDeaf("notifications cannot be awaited", e);
        return;
      }
    }
  }

  /** Has the thread look at all queues. If the event cannot be signalled, the device fails. */
  void wake() {
    signal();
  }

  private boolean signal() {
    try {
      notify.signal();
      return true;
    } catch (IOException | RuntimeException e) {
      goDeaf("the queues' thread cannot be woken", e);
      return false;
    }
  }

  /** Nothing will be served any more, and the driver hears of it. */
  private void goDeaf(String what, Throwable cause) {
    lock.lock();
    try {
      if (!deaf && !closed) {
        LOG.error("{}: {}", thread.getName(), what, cause);
        failures.incrementAndGet();
        deaf = true;
        boolean live = queues.length > 0;
        queues = NONE;
        if (live) {
          fault.accept(what);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Serves one batch of each queue; returns whether there may be more. */
  private boolean serveEach() {
    boolean more = false;
    for (int i = 0; i < device.queueCount(); i++) {
      lock.lock();
      try {
        SplitVirtqueue queue = paused || i >= queues.length ? null : queues[i];
        if (queue != null) {
          more |= serve(i, queue);
        }
      } finally {
        lock.unlock();
      }
    }
    return more && !closed;
  }

  private boolean serve(int index, SplitVirtqueue queue) {
    try {
      queue.suppressNotifications();
      boolean more = device.process(index, queue);
      if (queue.publish()) {
        interrupts.raise(InterruptStatus.USED_BUFFER);
      }
      return more || queue.enableNotifications();
    } catch (VirtqueueException e) {
      queues = NONE;
      fault.accept("queue " + index + ": " + e.getMessage());
      return false;
    } catch (RuntimeException | Error e) {
      fail("queue " + index + ": the device failed", e);
      return false;
    }
  }

  /**
   * Serves nothing until the driver has reset the device; the thread goes on, so that it works
   * then. A guest may be able to cause it again and again: the trace is written once.
   */
  private void fail(String what, Throwable cause) {
    lock.lock();
    try {
      boolean live = queues.length > 0;
      queues = NONE;
      if (failures.incrementAndGet() == 1) {
        LOG.error("{}: {}", thread.getName(), what, cause);
      }
      if (live) {
        fault.accept(what);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Serves these queues from now on, beginning with what is available already. */
  void start(@Nullable SplitVirtqueue[] live) {
    lock.lock();
    try {
      if (deaf) {
        fault.accept("nobody can be notified");
        return;
      }
      queues = live;
    } finally {
      lock.unlock();
    }
    wake();
  }

  /** Forgets the queues, and runs {@code then} while nobody touches guest memory. */
  void stop(Runnable then) {
    lock.lock();
    try {
      queues = NONE;
      then.run();
    } finally {
      lock.unlock();
    }
  }

  /** Returns when no batch is being served; none will be before {@link #resume}. */
  void pause() {
    lock.lock();
    try {
      paused = true;
    } finally {
      lock.unlock();
    }
  }

  /** Serves again, beginning with what became available meanwhile. */
  void resume() {
    lock.lock();
    try {
      paused = false;
    } finally {
      lock.unlock();
    }
    wake();
  }

  /** Returns how often the host or the device failed, by no fault of the driver's. Any thread. */
  long failures() {
    return failures.get();
  }

  /** Returns the live queue of this number, or null. The worker is paused. */
  @Nullable SplitVirtqueue queue(int index) {
    lock.lock();
    try {
      return index < queues.length ? queues[index] : null;
    } finally {
      lock.unlock();
    }
  }

  /** Ends the thread, after the batch that it is in. */
  void close() {
    lock.lock();
    try {
      closed = true;
      queues = NONE;
    } finally {
      lock.unlock();
    }
    if (!signal()) {
      // Either it has ended, or it waits for ever, and touches nothing.
      LOG.error("{}: the thread cannot be told to end", thread.getName());
      return;
    }
    // The memory and the event that the thread uses are about to go: it has to be waited for.
    Threads.joinUninterruptibly(thread);
  }
}
