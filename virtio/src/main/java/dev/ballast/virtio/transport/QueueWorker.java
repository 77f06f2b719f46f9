package dev.ballast.virtio.transport;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that serves a device's queues. It sleeps in the event that the guest's notifications
 * signal, and holds a lock for each batch: whoever has the lock knows that nobody touches guest
 * memory.
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
  private volatile boolean closed;

  /**
   * @param name of the thread
   * @param device who handles the queues
   * @param notify what a notification signals
   * @param interrupts how the driver hears of used buffers
   * @param fault takes which rule the driver broke; called with the lock held
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
      awaitNotification();
      while (serveEach()) {
        // A queue that is never empty does not keep the others waiting: one batch each, in turn.
      }
    }
  }

  private void awaitNotification() {
    try {
      notify.await();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Has the thread look at all queues.
   *
   * @throws UncheckedIOException if the event cannot be signalled, which no guest can cause
   */
  void wake() {
    try {
      notify.signal();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
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
    }
  }

  /** Serves these queues from now on, beginning with what is available already. */
  void start(@Nullable SplitVirtqueue[] live) {
    lock.lock();
    try {
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
    closed = true;
    wake();
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        // The memory and the event that the thread uses are about to go: it has to be waited for.
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
