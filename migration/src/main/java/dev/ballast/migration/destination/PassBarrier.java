package dev.ballast.migration.destination;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.thread.Deadline;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where the connections of a migration wait for each other at the end of every pass: no one begins
 * a pass before all have ended the one before. Any thread.
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
   * @param main the migration's own connection: what its thread does fails when a stream does
   */
  PassBarrier(MigrationChannel main) {
    this.main = main;
  }

  /** Says how many streams there are besides the migration's own connection. */
  void expect(int count) {
    synchronized (lock) {
      streams = count;
    }
  }

  /**
   * Ends a pass on the migration's own connection: waits until all streams have ended it, does
   * something while they wait in turn, and lets all of them go on.
   *
   * @param last whether it is the last pass
   * @param between what to do
   * @throws IOException if a stream failed or did not agree, or what is done fails
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

  /** A stream failed: all that wait, and the migration's own thread, are not to wait on. */
  void fail(IOException e) {
    synchronized (lock) {
      if (failure == null && !closed) {
        failure = e;
        main.cancel();
      }
      lock.notifyAll();
    }
  }

  /** Returns why a stream failed first, or null. */
  @Nullable IOException failure() {
    synchronized (lock) {
      return failure;
    }
  }

  /** Waits whether the migration ends within a moment; returns whether it did. */
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

  /** The migration has ended. Returns whether it had not before. */
  boolean close() {
    synchronized (lock) {
      boolean first = !closed;
      closed = true;
      lock.notifyAll();
      return first;
    }
  }
}
