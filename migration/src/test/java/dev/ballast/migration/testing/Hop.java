package dev.ballast.migration.testing;

import dev.ballast.migration.channel.CancelledException;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingListener;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationSource;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One migration between two machines of this process, over TCP on the loopback address unless told.
 *
 * @param progress how it ended at the source
 * @param arrived what arrived; null if it failed there
 * @param failure why it failed at the destination; null if it did not
 */
public record Hop(
    MigrationProgress progress, @Nullable IncomingResult arrived, @Nullable IOException failure) {
  /** Short timeouts, so that a test of silence does not take long. */
  public static final MigrationParameters PARAMETERS =
      MigrationParameters.DEFAULT
          .withVerify(true)
          .withConnectTimeout(Duration.ofSeconds(5))
          .withSilenceTimeout(Duration.ofSeconds(10));

  /** The same for the other side. */
  public static final DestinationParameters DESTINATION =
      new DestinationParameters(
          Duration.ofSeconds(10),
          Duration.ofSeconds(10),
          DestinationParameters.DEFAULT.maxProtocolVersion());

  /** Returns the parameters with pages over so many connections; over the migration's own if 0. */
  public static MigrationParameters over(int streams, MigrationParameters parameters) {
    return streams == 0
        ? parameters.withMultifd(false)
        : parameters.withMultifd(true).withMultifdChannels(streams);
  }

  /** Listens on any free port. */
  public static MigrationDestination listen() throws IOException {
    return MigrationDestination.listen(MigrationUri.parse("tcp:127.0.0.1:0"));
  }

  /**
   * Receives; the first connection that is turned away ends it, with the reason.
   *
   * @throws IOException if the guest did not arrive
   */
  public static IncomingResult receiveOnce(
      MigrationDestination destination, TestMachine machine, DestinationParameters parameters)
      throws IOException {
    AtomicReference<@Nullable String> turnedAway = new AtomicReference<>();
    IncomingListener listener =
        new IncomingListener() {
          @Override
          public void turnedAway(String reason) {
            turnedAway.compareAndSet(null, reason);
            destination.cancel();
          }
        };
    try {
      return destination.receive(machine, parameters, listener);
    } catch (CancelledException e) {
      String reason = turnedAway.get();
      throw reason == null ? e : new IOException(reason, e);
    }
  }

  /** Receives on another thread, whatever else is turned away. */
  public static CompletableFuture<IncomingResult> receiveAmongStrangers(
      MigrationDestination destination, TestMachine machine, DestinationParameters parameters) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return destination.receive(machine, parameters, IncomingListener.NONE);
          } catch (IOException e) {
            throw new CompletionException(e);
          }
        });
  }

  /** Receives on another thread, as {@link #receiveOnce}. */
  public static CompletableFuture<IncomingResult> receive(
      MigrationDestination destination, TestMachine machine, DestinationParameters parameters) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return receiveOnce(destination, machine, parameters);
          } catch (IOException e) {
            throw new CompletionException(e);
          }
        });
  }

  /** Migrates, and waits for both sides. */
  public static Hop run(TestMachine from, TestMachine to, MigrationParameters parameters)
      throws Exception {
    return run(from, to, parameters, DESTINATION, MigrationListener.NONE);
  }

  /** Migrates, and waits for both sides. */
  public static Hop run(
      TestMachine from,
      TestMachine to,
      MigrationParameters parameters,
      DestinationParameters destinationParameters,
      MigrationListener listener)
      throws Exception {
    return run(
        from,
        to,
        MigrationUri.parse("tcp:127.0.0.1:0"),
        parameters,
        destinationParameters,
        listener);
  }

  /** Migrates over a given socket, and waits for both sides. */
  public static Hop run(
      TestMachine from,
      TestMachine to,
      MigrationUri uri,
      MigrationParameters parameters,
      DestinationParameters destinationParameters,
      MigrationListener listener)
      throws Exception {
    try (MigrationDestination destination = MigrationDestination.listen(uri)) {
      CompletableFuture<IncomingResult> received = receive(destination, to, destinationParameters);
      MigrationSource source = new MigrationSource(from, destination.uri(), parameters, listener);
      source.start();
      return of(source.await(), received);
    }
  }

  /** Waits for the destination, and puts both results together. */
  public static Hop of(MigrationProgress progress, CompletableFuture<IncomingResult> received) {
    try {
      return new Hop(progress, received.join(), null);
    } catch (CompletionException e) {
      if (e.getCause() instanceof IOException failure) {
        return new Hop(progress, null, failure);
      }
      throw e;
    }
  }
}
