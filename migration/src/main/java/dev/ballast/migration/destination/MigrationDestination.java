package dev.ballast.migration.destination;

import dev.ballast.migration.channel.CancelledException;
import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationServer;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.FirstFrames;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.vmm.machine.MigratableMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Receives a guest from another process. One thread listens and receives; {@link #cancel} is for
 * any.
 */
public final class MigrationDestination implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MigrationDestination.class);

  private final MigrationServer server;
  private final Object lock = new Object();
  private @Nullable IncomingMigration current;
  private boolean cancelled;

  private MigrationDestination(MigrationServer server) {
    this.server = server;
  }

  /**
   * Starts to listen.
   *
   * @throws IOException with a message for the user: the address is in use or not available
   */
  public static MigrationDestination listen(MigrationUri uri) throws IOException {
    return new MigrationDestination(MigrationServer.listen(uri));
  }

  /** Returns where it listens, with the port that was chosen. */
  public MigrationUri uri() {
    return server.uri();
  }

  /**
   * Waits for a source and receives its guest. Connections that are not a source with a matching
   * machine are refused, and the next one is awaited, until RAM has begun to arrive.
   *
   * @param machine in {@link RunState#INMIGRATE}, its RAM never touched; afterwards it runs, or is
   *     stopped as it was at the source
   * @param parameters of the migration
   * @param listener called as the migration progresses
   * @return the result
   * @throws IOException if it failed, with a message for the user that was also sent to the source
   *     if possible. Unless starting the guest failed after {@code COMMIT}, the machine is still in
   *     {@code INMIGRATE}; it cannot be used for another attempt
   */
  public IncomingResult receive(
      MigratableMachine machine, DestinationParameters parameters, IncomingListener listener)
      throws IOException {
    if (machine.runState() != RunState.INMIGRATE) {
      throw new IOException(
          "cannot receive a guest: the machine is " + machine.runState().qmpName());
    }
    StateReceiver.checkLoadable(machine.stateSections());
    machine.rehearseStart();
    FirstFrames opening =
        new FirstFrames(
            FrameType.HELLO,
            parameters.maxProtocolVersion(),
            e -> listener.turnedAway(String.valueOf(e.getMessage())));
    IncomingResult arrived = null;
    while (arrived == null) {
      try (MigrationChannel channel =
              server.accept(parameters.acceptTimeout(), parameters.introductionTimeout(), opening);
          IncomingMigration incoming =
              new IncomingMigration(machine, channel, server, parameters, listener)) {
        watch(incoming);
        channel.silenceTimeout(parameters.silenceTimeout());
        arrived = receive(incoming, listener);
      } finally {
        watch(null);
      }
    }
    return arrived;
  }

  private static @Nullable IncomingResult receive(
      IncomingMigration incoming, IncomingListener listener) throws IOException {
    String failure = "internal error";
    try {
      IncomingResult arrived = incoming.run();
      failure = null;
      return arrived;
    } catch (CancelledException e) {
      failure = e.getMessage();
      throw e;
    } catch (IOException e) {
      failure = null;
      incoming.fail(String.valueOf(e.getMessage()));
      if (!incoming.isUntouched()) {
        throw e;
      }
      log.debug("a source was turned away", e);
      listener.turnedAway(String.valueOf(e.getMessage()));
      return null;
    } finally {
      if (failure != null) {
        incoming.fail(failure);
      }
    }
  }

  private void watch(@Nullable IncomingMigration incoming) throws CancelledException {
    synchronized (lock) {
      current = incoming;
      if (cancelled && incoming != null) {
        throw new CancelledException();
      }
    }
  }

  /**
   * Makes {@link #receive} fail with {@link CancelledException}, unless the guest is here already.
   */
  public void cancel() {
    synchronized (lock) {
      cancelled = true;
      server.cancel();
      if (current != null) {
        current.cancel();
      }
    }
  }

  /** Stops listening. */
  @Override
  public void close() throws IOException {
    server.close();
  }
}
