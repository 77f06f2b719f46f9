package dev.ballast.virtio.transport;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.vmm.thread.Threads;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads that serve a device's queues, one each. A thread waits on the eventfd that the
 * guest's notifications of its queue signal. It holds the device's lock for each batch, so that
 * batches of all queues come one after the other, and while a thread has the lock no other thread
 * of this device touches guest memory.
 *
 * <p>What goes wrong on the host's side (the eventfd cannot be read or signalled, the device
 * throws, there is no memory behind a ring) is logged with its cause, and is reported to the driver
 * like a broken rule: the device needs a reset. If an eventfd fails the device cannot be served
 * again, reset or not.
 */
final class QueueWorkers {
  private static final Logger log = LoggerFactory.getLogger(QueueWorkers.class);
  private static final @Nullable SplitVirtqueue[] NONE = {};

  private final String name;
  private final VirtioDevice device;
  private final List<EventFd> notifiers;
  private final DeviceInterrupts interrupts;
  private final Consumer<String> fault;
  private final List<Thread> threads = new ArrayList<>();

  /** Fair, so that a vCPU which resets the device gets its turn after the batch. */
  private final ReentrantLock lock = new ReentrantLock(true);

  /** By queue number, null where the driver has not enabled one; empty while there is no driver. */
  private @Nullable SplitVirtqueue[] queues = NONE;

  private boolean paused;
  private boolean failed;
  private volatile boolean closed;

  /** Written with the lock held. */
  private final AtomicLong failures = new AtomicLong();

  /**
   * @param name of the device
   * @param device handles the queues
   * @param notifiers the eventfds that notifications signal, by queue number
   * @param interrupts interrupts the driver for used buffers
   * @param fault called with the reason when the driver broke a rule or the host failed; with the
   *     lock held
   * @param factory makes the threads
   */
  QueueWorkers(
      String name,
      VirtioDevice device,
      List<EventFd> notifiers,
      DeviceInterrupts interrupts,
      Consumer<String> fault,
      ThreadFactory factory) {
    this.name = name;
    this.device = device;
    this.notifiers = List.copyOf(notifiers);
    this.interrupts = interrupts;
    this.fault = fault;
    for (int i = 0; i < notifiers.size(); i++) {
      int queue = i;
      Thread thread = factory.newThread(() -> run(queue));
      thread.setName(name + " queue " + queue);
      thread.setDaemon(true);
      thread.setUncaughtExceptionHandler(
          (t, e) -> log.error("{}: the thread died", t.getName(), e));
      threads.add(thread);
    }
    boolean started = false;
    try {
      threads.forEach(Thread::start);
      started = true;
    } finally {
      if (!started) {
        close();
      }
    }
  }

  private void run(int queue) {
    while (!closed) {
      try {
        notifiers.get(queue).await();
        while (serve(queue)) {
          // The lock is fair: a queue that is never empty does not keep the others waiting.
        }
      } catch (InternalError e) {
        // HotSpot's answer to a SIGBUS, which may come some instructions after the access.
        fail("the host has no memory for a queue", e);
      } catch (IOException | RuntimeException | Error e) {
        failPermanently("notifications cannot be awaited", e);
        return;
      }
    }
  }

  /** Wakes the queue's thread. If its eventfd cannot be signalled, the device fails. */
  void wake(int queue) {
    signal(queue);
  }

  private void wakeAll() {
    for (int queue = 0; queue < notifiers.size(); queue++) {
      signal(queue);
    }
  }

  private boolean signal(int queue) {
    try {
      notifiers.get(queue).signal();
      return true;
    } catch (IOException | RuntimeException e) {
      failPermanently("the thread of queue " + queue + " cannot be woken", e);
      return false;
    }
  }

  /** Stops serving for good, and sets DEVICE_NEEDS_RESET for the driver. */
  private void failPermanently(String what, Throwable cause) {
    lock.lock();
    try {
      if (!failed && !closed) {
        log.error("{}: {}", name, what, cause);
        failures.incrementAndGet();
        failed = true;
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

  /** Serves one batch of a queue, if it is live; returns whether there may be more. */
  private boolean serve(int index) {
    lock.lock();
    try {
      SplitVirtqueue queue = paused || index >= queues.length ? null : queues[index];
      return queue != null && serve(index, queue) && !closed;
    } finally {
      lock.unlock();
    }
  }

  private boolean serve(int index, SplitVirtqueue queue) {
    try {
      queue.suppressNotifications();
      boolean more = device.process(index, queue);
      if (queue.publish()) {
        interrupts.usedBuffers(index);
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
   * Serves nothing until the driver has reset the device; the threads go on, so that it works then.
   * A guest may be able to cause it again and again: the trace is written once.
   */
  private void fail(String what, Throwable cause) {
    lock.lock();
    try {
      boolean live = queues.length > 0;
      queues = NONE;
      if (failures.incrementAndGet() == 1) {
        log.error("{}: {}", name, what, cause);
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
      if (failed) {
        fault.accept("notifications do not arrive");
        return;
      }
      queues = live;
    } finally {
      lock.unlock();
    }
    wakeAll();
  }

  /**
   * Forgets the queues, and runs {@code then} with the lock held: no other thread of this device
   * touches guest memory meanwhile.
   */
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
    wakeAll();
  }

  /** Returns how often the host or the device failed, without a fault of the driver. Any thread. */
  long failures() {
    return failures.get();
  }

  /** Returns the live queue of this number, or null. Call while paused. */
  @Nullable SplitVirtqueue queue(int index) {
    lock.lock();
    try {
      return index < queues.length ? queues[index] : null;
    } finally {
      lock.unlock();
    }
  }

  /** Ends the threads, after the batch that one of them is in. */
  void close() {
    lock.lock();
    try {
      closed = true;
      queues = NONE;
    } finally {
      lock.unlock();
    }
    for (int queue = 0; queue < threads.size(); queue++) {
      Thread thread = threads.get(queue);
      if (signal(queue)) {
        // The memory and the eventfd that it uses are closed next: it has to be waited for.
        Threads.joinUninterruptibly(thread);
      } else {
        // Either it has ended, or it waits for ever, and touches nothing.
        log.error("{}: the thread cannot be told to end", thread.getName());
      }
    }
  }
}
