package dev.ballast.migration.source;

import dev.ballast.migration.channel.CancelledException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The phase of a source. The migration's thread goes from one to the next; any thread cancels. One
 * lock guards all decisions: either the cancel or the commit comes first, and the other sees that.
 */
final class SourceLifecycle {
  private final MigrationListener listener;
  private final Runnable interrupt;
  private final Object lock = new Object();
  private final CountDownLatch over = new CountDownLatch(1);

  // Written under the lock.
  private volatile SourcePhase phase = SourcePhase.NEW;
  private volatile MigrationStatus status = MigrationStatus.NONE;

  /**
   * @param listener called with every new status, with the lock held
   * @param interrupt makes the waits of the migration's thread fail; called on any thread
   */
  SourceLifecycle(MigrationListener listener, Runnable interrupt) {
    this.listener = listener;
    this.interrupt = interrupt;
  }

  /** Returns what users see. */
  MigrationStatus status() {
    return status;
  }

  /** Returns whether the migration took too long and was not cancelled as well. */
  boolean hasExpired() {
    return phase == SourcePhase.EXPIRED;
  }

  /**
   * Begins a phase. {@link SourcePhase#COMMITTING} is the point of no return: once this has
   * returned, {@link #cancel} and {@link #expire} do nothing.
   *
   * @throws CancelledException if the migration was given up
   */
  void advance(SourcePhase next) throws CancelledException {
    synchronized (lock) {
      if (phase.isGivenUp()) {
        throw new CancelledException();
      }
      if (phase.isFinal() || next.compareTo(phase) <= 0) {
        throw new IllegalStateException(phase + " is not followed by " + next);
      }
      enter(next);
    }
  }

  private void enter(SourcePhase next) {
    phase = next;
    MigrationStatus shown = next.status();
    if (shown != null && shown != status) {
      status = shown;
      listener.statusChanged(shown);
    }
  }

  /**
   * Cancels the migration for the user. Any thread, any time.
   *
   * @return false if it is too late, because the handover has begun and its outcome is open
   */
  boolean cancel() {
    synchronized (lock) {
      if (phase.mayCancel()) {
        enter(SourcePhase.CANCELLING);
        interrupt.run();
      }
      return phase != SourcePhase.COMMITTING;
    }
  }

  /** Gives up the migration because it takes too long, unless it is too late. Any thread. */
  private void expire() {
    synchronized (lock) {
      if (phase.mayExpire()) {
        enter(SourcePhase.EXPIRED);
        interrupt.run();
      }
    }
  }

  /**
   * Ends the migration.
   *
   * @param outcome a final phase
   */
  void finish(SourcePhase outcome) {
    synchronized (lock) {
      enter(outcome);
    }
    over.countDown();
  }

  /** Ends it before it has begun: does not call the listener, and stops the timer. */
  void abort() {
    over.countDown();
  }

  /**
   * Starts the timer that gives up the migration.
   *
   * @param timeout from now on; zero is never
   */
  void startTimer(Duration timeout) {
    if (!timeout.isZero()) {
      Thread.ofPlatform().daemon().name("migration-timeout").start(() -> expireAfter(timeout));
    }
  }

  private void expireAfter(Duration timeout) {
    try {
      if (!over.await(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        expire();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
