package dev.ballast.vmm.thread;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Runs a task once on each of several threads, on all at the same time, and waits. That is fastest
 * also with many more threads than the host has processors: while one thread wakes up, or waits in
 * the kernel, the others work.
 */
public final class Batch {
  /** The task. */
  @FunctionalInterface
  public interface Task {
    /**
     * Runs on a thread of the batch.
     *
     * @param index of the thread, from 0
     */
    void run(int index) throws IOException;
  }

  private final Task task;
  private final CountDownLatch left;
  private final @Nullable Throwable[] failures;

  private Batch(int threads, Task task) {
    this.task = task;
    this.left = new CountDownLatch(threads);
    this.failures = new Throwable[threads];
  }

  /**
   * Runs a task on all threads, and waits.
   *
   * @param threads each of which runs what it is given on a thread of its own, not the caller's
   * @throws IOException what the task threw on the first thread on which it failed; or that this
   *     thread has ended
   */
  public static void run(List<? extends Executor> threads, Task task) throws IOException {
    new Batch(threads.size(), task).run(threads);
  }

  private void run(List<? extends Executor> threads) throws IOException {
    for (int index = 0; index < failures.length; index++) {
      try {
        threads.get(index).execute(new Step(this, index));
      } catch (RejectedExecutionException e) {
        done(index, new IOException(e.getMessage(), e));
      }
    }
    Threads.awaitUninterruptibly(left);
    for (Throwable failure : failures) {
      switch (failure) {
        case null -> {}
        case IOException e -> throw e;
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        default -> throw new IllegalStateException(failure);
      }
    }
  }

  private void done(int index, @Nullable Throwable failure) {
    failures[index] = failure;
    left.countDown();
  }

  private record Step(Batch batch, int index) implements Runnable {
    @Override
    public void run() {
      Throwable failure = null;
      try {
        batch.task.run(index);
      } catch (IOException | RuntimeException | Error e) {
        failure = e;
      }
      batch.done(index, failure);
    }
  }
}
