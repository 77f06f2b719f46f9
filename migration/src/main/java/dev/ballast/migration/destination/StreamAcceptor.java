package dev.ballast.migration.destination;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationServer;
import dev.ballast.migration.protocol.FirstFrames;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.vmm.thread.Deadline;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Accepts the further connections of a migration. Those of other migrations are closed. One thread.
 */
final class StreamAcceptor {
  private static final Logger log = LoggerFactory.getLogger(StreamAcceptor.class);
  private static final Duration GREETING_TIMEOUT = Duration.ofSeconds(2);

  /** How long to wait for a stream before checking whether the source is still there. */
  private static final Duration MOMENT = Duration.ofMillis(250);

  private final MigrationServer server;
  private final StreamSetup setup;
  private final DestinationParameters parameters;
  private final boolean[] here;
  private int count;

  /**
   * @param server where they connect
   * @param setup what {@code CONFIG} said
   * @param parameters have the time that all of that may take
   */
  StreamAcceptor(MigrationServer server, StreamSetup setup, DestinationParameters parameters) {
    this.server = server;
    this.setup = setup;
    this.parameters = parameters;
    this.here = new boolean[setup.count()];
  }

  /**
   * Waits for all of them.
   *
   * @param source the migration's own connection, which is watched meanwhile
   * @param into receives each connection, and the reader that has read its greeting
   * @throws IOException if the source gave up, or they did not come in time
   */
  void acceptAll(FrameReader source, BiConsumer<MigrationChannel, FrameReader> into)
      throws IOException {
    FirstFrames opening =
        new FirstFrames(FrameType.STREAM, parameters.maxProtocolVersion(), this::turnedAway);
    Duration timeout = parameters.silenceTimeout();
    Deadline deadline = Deadline.after(timeout);
    while (count < setup.count()) {
      if (deadline.isOver()) {
        throw new SocketTimeoutException(
            "%s: %d of %d streams connected within %d ms"
                .formatted(server.uri(), count, setup.count(), timeout.toMillis()));
      }
      source.checkPeer();
      MigrationChannel channel = server.poll(MOMENT, GREETING_TIMEOUT, opening);
      if (channel != null) {
        channel.silenceTimeout(timeout);
        greet(channel, into);
      }
    }
  }

  /** Keeps a connection if it is a missing stream of this migration; otherwise closes it. */
  private void greet(MigrationChannel channel, BiConsumer<MigrationChannel, FrameReader> into) {
    FrameReader reader = new FrameReader(channel);
    boolean ours = false;
    try {
      reader.nextOrKeepAlive();
      StreamSetup.Greeting greeting = StreamSetup.Greeting.decode(reader.payload());
      ours = setup.accepts(greeting) && !here[greeting.index()];
      if (ours) {
        here[greeting.index()] = true;
        count++;
        into.accept(channel, reader);
      } else {
        log.warn("{}: a stream of another migration was turned away", channel.uri());
      }
    } catch (IOException e) {
      turnedAway(e);
    } finally {
      if (!ours) {
        reader.close();
        channel.close();
      }
    }
  }

  /** Anything may connect at any rate, so this is logged for debugging only. */
  private void turnedAway(IOException why) {
    log.debug("{}: a connection was turned away: {}", server.uri(), why.getMessage());
  }
}
