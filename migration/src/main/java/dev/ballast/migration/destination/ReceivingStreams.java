package dev.ballast.migration.destination;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationServer;
import dev.ballast.migration.protocol.FirstFrames;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.migration.protocol.ReceiverPhase;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.vmm.thread.Threads;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections for pages besides the migration's own, with a thread for each. A page may come
 * over another stream in the next pass: so no stream begins a pass before all have ended the one
 * before.
 */
final class ReceivingStreams implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ReceivingStreams.class);

  private static final long MOMENT_MILLIS = 1000;
  private static final Duration GREETING_TIMEOUT = Duration.ofSeconds(2);

  /** How long to wait for a stream before looking whether the source is still there. */
  private static final Duration MOMENT = Duration.ofMillis(MOMENT_MILLIS / 4);

  private final List<MigrationChannel> channels = new ArrayList<>();
  private final List<FrameReader> readers = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final MigrationChannel main;

  private final Object lock = new Object();

  // Guarded by lock.
  private int arrived;
  private boolean lastPass;
  private long passes;
  private boolean closed;

  /** Something of RAM has come over one of them. */
  private volatile boolean touched;

  private @Nullable IOException failure;

  /**
   * @param main the migration's own connection: what its thread does fails when a stream does
   */
  ReceivingStreams(MigrationChannel main) {
    this.main = main;
  }

  /**
   * Waits for all streams of a migration. Connections that are not of this migration are closed.
   *
   * @param server where they come in
   * @param source the migration's own connection, which is watched meanwhile
   * @param setup what {@code CONFIG} said
   * @param parameters how long all of that may take
   */
  void accept(
      MigrationServer server,
      FrameReader source,
      StreamSetup setup,
      DestinationParameters parameters)
      throws IOException {
    FirstFrames opening =
        new FirstFrames(
            FrameType.STREAM, parameters.maxProtocolVersion(), e -> turnedAway(server, e));
    Duration timeout = parameters.silenceTimeout();
    boolean[] here = new boolean[setup.count()];
    long deadline = System.nanoTime() + timeout.toNanos();
    while (channels.size() < setup.count()) {
      if (deadline - System.nanoTime() <= 0) {
        throw new SocketTimeoutException(
            "%s: %d of %d streams connected within %d ms"
                .formatted(server.uri(), channels.size(), setup.count(), timeout.toMillis()));
      }
      source.checkPeer();
      MigrationChannel channel = server.poll(MOMENT, GREETING_TIMEOUT, opening);
      if (channel != null) {
        greet(server, channel, setup, here);
        channel.silenceTimeout(timeout);
      }
    }
  }

  /** Keeps a connection if it is a stream that is still missing, and closes it if not. */
  private void greet(
      MigrationServer server, MigrationChannel channel, StreamSetup setup, boolean[] here) {
    FrameReader reader = new FrameReader(channel);
    boolean ours = false;
    try {
      reader.nextOrKeepAlive();
      StreamSetup.Greeting greeting = StreamSetup.Greeting.decode(reader.payload());
      ours = setup.accepts(greeting) && !here[greeting.index()];
      if (ours) {
        here[greeting.index()] = true;
        channels.add(channel);
        readers.add(reader);
      } else {
        log.warn("{}: a stream of another migration was turned away", channel.uri());
      }
    } catch (IOException e) {
      turnedAway(server, e);
    } finally {
      if (!ours) {
        reader.close();
        channel.close();
      }
    }
  }

  /** Strangers come as often as they like: they are no news. */
  private static void turnedAway(MigrationServer server, IOException why) {
    log.debug("{}: a connection was turned away: {}", server.uri(), why.getMessage());
  }

  /**
   * Starts to receive.
   *
   * @param compression how pages may be compressed
   */
  void start(Blocks blocks, PageCompression compression) throws IOException {
    for (int i = 0; i < channels.size(); i++) {
      FrameReader reader = readers.get(i);
      RamReceiver receiver = new RamReceiver(blocks, compression);
      threads.add(
          Thread.ofPlatform()
              .daemon()
              .name("incoming-stream-" + i)
              .start(() -> run(receiver, reader)));
    }
  }

  private void run(RamReceiver receiver, FrameReader reader) {
    try (receiver) {
      receive(receiver, reader);
    } catch (EOFException e) {
      // A source that gives up says why on the migration's own connection.
      if (!awaitClose()) {
        fail(e);
      }
    } catch (IOException e) {
      fail(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail(new IOException("the stream was interrupted", e));
    } catch (RuntimeException | Error e) {
      // Whoever waits for this thread must not do so for ever.
      fail(new IOException("internal error: " + e, e));
      throw e;
    }
  }

  private void receive(RamReceiver receiver, FrameReader reader)
      throws IOException, InterruptedException {
    long pass = 0;
    boolean last = false;
    while (!last) {
      FrameType type = reader.next();
      touched = true;
      ReceiverPhase.STREAM_RAM.check(reader);
      if (type == FrameType.RAM_PAGES) {
        receiver.pages(reader);
      } else if (type == FrameType.ZERO_PAGES) {
        receiver.zeroPages(reader);
      } else {
        pass++;
        last = checkPassEnd(reader, pass);
        endPass(last);
      }
    }
  }

  /** Checks {@code PASS_END}; returns whether it is the last. */
  static boolean checkPassEnd(FrameReader reader, long expected) throws ProtocolException {
    if (reader.page() != expected) {
      throw new ProtocolException(
          "PASS_END: pass " + Long.toUnsignedString(reader.page()) + ", expected " + expected);
    }
    return reader.has(Protocol.FLAG_FINAL);
  }

  /** Returns whether the migration ended within a moment. */
  private boolean awaitClose() {
    long deadline = System.nanoTime() + MOMENT_MILLIS * 1_000_000;
    synchronized (lock) {
      try {
        for (long left = MOMENT_MILLIS; left > 0 && !closed && failure == null; ) {
          lock.wait(left);
          left = (deadline - System.nanoTime()) / 1_000_000;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return closed;
    }
  }

  private void fail(IOException e) {
    synchronized (lock) {
      if (failure == null && !closed) {
        failure = e;
        main.cancel();
      }
      lock.notifyAll();
    }
  }

  /** Returns why a stream failed, or null. */
  @Nullable IOException failure() {
    synchronized (lock) {
      return failure;
    }
  }

  /** Something that is done while nothing is received. */
  @FunctionalInterface
  interface BetweenPasses {
    void run() throws IOException;
  }

  /**
   * Ends a pass on the migration's own connection: waits until all streams have ended it, does
   * something while they wait in turn, and lets all of them go on.
   *
   * @param last whether it is the last pass
   * @param between what to do
   * @throws IOException if a stream failed or did not agree, or what is done fails
   */
  void endPass(boolean last, BetweenPasses between) throws IOException, InterruptedException {
    synchronized (lock) {
      while (arrived < channels.size()) {
        checkGoingOn();
        lock.wait(MOMENT_MILLIS);
      }
    }
    between.run();
    endPass(last);
  }

  private void checkGoingOn() throws IOException {
    if (failure != null) {
      throw new IOException("another stream failed: " + failure.getMessage(), failure);
    }
    if (closed) {
      throw new IOException("the migration ended");
    }
    main.checkCancelled();
  }

  /**
   * Waits until the migration's own connection and all streams have ended a pass.
   *
   * @param last whether the caller was told that it is the last one
   * @throws IOException if a stream failed, or did not agree
   */
  private void endPass(boolean last) throws IOException, InterruptedException {
    synchronized (lock) {
      if (arrived > 0 && last != lastPass) {
        throw new ProtocolException("PASS_END: streams do not agree on which pass is the last");
      }
      lastPass = last;
      long pass = passes;
      if (++arrived > channels.size()) {
        arrived = 0;
        passes++;
      }
      lock.notifyAll();
      while (passes == pass) {
        checkGoingOn();
        lock.wait(MOMENT_MILLIS);
      }
    }
  }

  /** Returns whether something of RAM has come over one of them. Final after {@link #close}. */
  boolean isTouched() {
    return touched;
  }

  /** Returns how many bytes came. */
  long bytesRead() {
    return channels.stream().mapToLong(MigrationChannel::bytesRead).sum();
  }

  /** Ends threads and connections, and does nothing when called again. */
  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      lock.notifyAll();
    }
    channels.forEach(MigrationChannel::cancel);
    // The memory that the threads write may be about to go: they have to be waited for.
    threads.forEach(Threads::joinUninterruptibly);
    readers.forEach(FrameReader::close);
    channels.forEach(MigrationChannel::close);
  }
}
