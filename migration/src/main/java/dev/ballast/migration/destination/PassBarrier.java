package dev.ballast.migration.destination;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.thread.Deadline;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where the connections of a migration wait for each other at the end of every pass: none begins a
 * pass before all have ended the one before. Any thread.
 */
final class PassBarrier {
  private static final long MOMENT_MILLIS = 1000;

  private final MigrationChannel main;
  private final Object lock = new Object();

  // Guarded by lock.
  private int streams;
  private int arrived;
  private boolean lastPass;
  private long passes;
  private boolean closed;
  private @Nullable IOException failure;

  /**
   * @param main the migration's own connection, which is cancelled when a stream fails
   */
  PassBarrier(MigrationChannel main) {
    this.main = main;
  }

  /** Sets how many streams there are besides the migration's own connection. */
  void expect(int count) {
    synchronized (lock) {
      streams = count;
    }
  }

  /**
   * Ends a pass on the migration's own connection: waits until all streams have ended it, runs an
   * action while they wait, and lets all of them go on.
   *
   * @param last whether it is the last pass
   * @param between the action
   * @throws IOException if a stream failed or did not agree, or from the action
   */
  void endPass(boolean last, IoAction between) throws IOException, InterruptedException {
    synchronized (lock) {
      await(() -> arrived >= streams);
    }
    between.run();
    endPass(last);
  }

  /**
   * Ends a pass on a stream: waits until the migration's own connection and all streams have ended
   * it.
   *
   * @param last whether the stream says that it is the last one
   * @throws IOException if a stream failed, or did not agree
   */
  void endPass(boolean last) throws IOException, InterruptedException {
    synchronized (lock) {
      if (arrived > 0 && last != lastPass) {
        throw new ProtocolException("PASS_END: streams do not agree on which pass is the last");
      }
      lastPass = last;
      long pass = passes;
      arrived++;
      if (arrived > streams) {
        arrived = 0;
        passes++;
      }
      lock.notifyAll();
      await(() -> passes != pass);
    }
  }

  /** Waits on the lock, which this thread holds, for as long as the migration goes on. */
  private void await(BooleanSupplier condition) throws IOException, InterruptedException {
    while (!condition.getAsBoolean()) {
      if (failure != null) {
        throw new IOException("another stream failed: " + failure.getMessage(), failure);
      }
      if (closed) {
        throw new IOException("the migration ended");
      }
      main.checkCancelled();
      Deadline.afterMillis(MOMENT_MILLIS)
          .await(lock, () -> condition.getAsBoolean() || closed || failure != null);
    }
  }

  /**
   * Records that a stream failed, and ends the waits of all streams and of the migration's own
   * thread.
   */
  void fail(IOException e) {
    synchronized (lock) {
      if (failure == null && !closed) {
        failure = e;
        main.cancel();
      }
      lock.notifyAll();
    }
  }

  /** Returns the first failure of a stream, or null. */
  @Nullable IOException failure() {
    synchronized (lock) {
      return failure;
    }
  }

  /** Waits up to a second for the end of the migration; returns whether it has ended. */
  boolean awaitClose() {
    synchronized (lock) {
      try {
        Deadline.afterMillis(MOMENT_MILLIS).await(lock, () -> closed || failure != null);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return closed;
    }
  }

  /** Records that the migration has ended. Returns false if that was recorded before. */
  boolean close() {
    synchronized (lock) {
      boolean first = !closed;
      closed = true;
      lock.notifyAll();
      return first;
    }
  }
}
