package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.vmm.thread.Deadline;
import dev.ballast.vmm.thread.IoAction;
import dev.ballast.vmm.thread.Threads;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A connection for pages, besides the migration's own, with a thread that sends over it. In each
 * pass the streams take spans of RAM in turn; the migration's thread starts a pass and waits for
 * all streams to end it.
 */
final class SendingStream implements AutoCloseable {
  private static final long MOMENT_MILLIS = 100;
  private static final long IDLE_MILLIS = 500;

  private final MigrationChannel channel;
  private final FrameWriter writer;
  private final List<RamSender> senders = new ArrayList<>();
  private final Object lock = new Object();
  private final Thread thread;

  // Guarded by lock.
  private long passWanted;
  private long passDone;
  private boolean lastPass;
  private boolean ended;
  private @Nullable IOException failure;

  private SendingStream(int index, MigrationChannel channel, FrameWriter writer) {
    this.channel = channel;
    this.writer = writer;
    this.thread =
        Thread.ofPlatform().daemon().name("migration-stream-" + index).unstarted(this::run);
  }

  /**
   * Connects a stream and introduces it.
   *
   * @param channel to the destination, not connected; closed if this throws
   * @param parameters of the migration
   * @param setup what {@code CONFIG} said
   * @param index of the stream
   */
  static SendingStream connect(
      MigrationChannel channel, MigrationParameters parameters, StreamSetup setup, int index)
      throws IOException {
    FrameWriter writer = new FrameWriter(channel, parameters.pageChecksumsTo(channel.uri()));
    boolean ready = false;
    try {
      channel.silenceTimeout(parameters.timeouts().silence());
      channel.connect(parameters.timeouts().connect());
      writer.compress(parameters.compression().method(), parameters.compression().zstdLevel());
      writer.frame(FrameType.STREAM, setup.greeting(index).encode());
      writer.flush();
      ready = true;
      return new SendingStream(index, channel, writer);
    } finally {
      if (!ready) {
        writer.close();
        channel.close();
      }
    }
  }

  MigrationChannel channel() {
    return channel;
  }

  /** Starts the thread, which sends pages of these blocks. */
  void start(List<SendingBlock> blocks, ProgressCounters counters) {
    for (SendingBlock block : blocks) {
      senders.add(new RamSender(block, writer, counters, channel::checkCancelled));
    }
    thread.start();
  }

  /** Starts a pass. None follows the last one. */
  void startPass(long pass, boolean last) {
    synchronized (lock) {
      passWanted = pass;
      lastPass = last;
      lock.notifyAll();
    }
  }

  /**
   * Waits until the stream has sent all of a pass.
   *
   * @param check called now and then, on this thread
   * @throws IOException if the stream broke, or from the check
   */
  void awaitPass(long pass, IoAction check) throws IOException, InterruptedException {
    while (!hasSent(pass)) {
      synchronized (lock) {
        Deadline.afterMillis(MOMENT_MILLIS).await(lock, () -> passDone >= pass || failure != null);
      }
      check.run();
    }
  }

  private boolean hasSent(long pass) throws IOException {
    synchronized (lock) {
      if (failure != null) {
        throw failure;
      }
      return passDone >= pass;
    }
  }

  private void run() {
    try {
      long pass = 0;
      boolean last = false;
      while (!last && awaitWork(pass)) {
        synchronized (lock) {
          pass = passWanted;
          last = lastPass;
        }
        for (RamSender sender : senders) {
          sender.sendPass(last);
        }
        writer.passEnd(pass, last);
        writer.flush();
        synchronized (lock) {
          passDone = pass;
          lock.notifyAll();
        }
      }
    } catch (IOException e) {
      fail(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail(new IOException("the stream was interrupted", e));
    } catch (RuntimeException | Error e) {
      // The migration's thread must not wait for this one for ever.
      fail(new IOException("internal error: " + e, e));
      throw e;
    }
  }

  /**
   * Waits for the pass after {@code pass}, and sends keep-alives meanwhile; returns false at the
   * end.
   */
  private boolean awaitWork(long pass) throws IOException, InterruptedException {
    while (true) {
      synchronized (lock) {
        Deadline.afterMillis(IDLE_MILLIS).await(lock, () -> passWanted != pass || ended);
        if (ended) {
          return false;
        }
        if (passWanted != pass) {
          return true;
        }
      }
      writer.keepAlive();
    }
  }

  private void fail(IOException e) {
    synchronized (lock) {
      if (failure == null) {
        failure = e;
      }
      lock.notifyAll();
    }
  }

  /** Ends the thread, and the connection with it. */
  @Override
  public void close() {
    synchronized (lock) {
      ended = true;
      lock.notifyAll();
    }
    channel.cancel();
    // The memory that the thread reads may be unmapped next, so wait for the thread.
    Threads.joinUninterruptibly(thread);
    try (channel) {
      writer.close();
    }
  }
}
