package dev.ballast.migration.source;

import dev.ballast.migration.channel.CancelledException;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.SourceHandover;
import dev.ballast.vmm.machine.MigratableMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves a guest out of this process. One object is one migration; it runs on a thread of its own.
 *
 * <p>However it ends, dirty logging is off afterwards, and the machine is as {@link SourceHandover}
 * says: as it was before, or in {@link RunState#POSTMIGRATE}, from which a user may have the guest
 * continued if the destination neither confirmed nor refused it.
 */
public final class MigrationSource {
  private static final Logger log = LoggerFactory.getLogger(MigrationSource.class);

  private final MigratableMachine machine;
  private final MigrationUri uri;
  private final MigrationParameters parameters;
  private final SourceConnection connection;
  private final SendingStreams streams = new SendingStreams();
  private final ConvergencePolicy policy;
  private final ProgressCounters counters;
  private final SourceLifecycle lifecycle;
  private final SourceBandwidth bandwidth;
  private final PrecopyLoop precopy;
  private final SourceHandshake handshake;
  private final GuestHandover handover;
  private final SourceEnding ending;
  private final Thread thread;

  /** Why it failed; null before, and if it did not. */
  private volatile @Nullable String error;

  /**
   * @param machine whose guest moves
   * @param uri where the destination listens
   * @param parameters how
   * @param listener hears how it goes
   * @throws IOException if no socket can be had
   */
  public MigrationSource(
      MigratableMachine machine,
      MigrationUri uri,
      MigrationParameters parameters,
      MigrationListener listener)
      throws IOException {
    this.machine = machine;
    this.uri = uri;
    this.parameters = parameters;
    this.connection = SourceConnection.open(uri, parameters);
    this.policy = new ConvergencePolicy(parameters);
    this.counters = new ProgressCounters(connection.channel(), streams);
    this.lifecycle = new SourceLifecycle(listener, this::interrupt);
    this.bandwidth =
        new SourceBandwidth(connection.channel(), streams, parameters.limits().bandwidth());
    this.precopy =
        new PrecopyLoop(connection, streams, policy, counters, listener, machine::throttle);
    this.handshake = new SourceHandshake(machine, parameters, connection, precopy, counters);
    this.handover =
        new GuestHandover(machine, parameters, connection, lifecycle, bandwidth, precopy, counters);
    this.ending = new SourceEnding(connection, streams, precopy, handover, counters);
    this.thread = Thread.ofPlatform().daemon().name("migration").unstarted(this::run);
    bandwidth.apply();
  }

  /**
   * Starts. If this throws, because the host has no more threads, nothing was begun and nothing is
   * left.
   */
  public void start() {
    boolean started = false;
    try {
      lifecycle.startTimer(parameters.timeouts().total());
      thread.start();
      started = true;
    } finally {
      if (!started) {
        lifecycle.abort();
        connection.close();
      }
    }
  }

  /** Waits until it has ended and returns how. */
  public MigrationProgress await() throws InterruptedException {
    thread.join();
    return progress();
  }

  /** Returns how far it is. Any thread. */
  public MigrationProgress progress() {
    return counters.snapshot(lifecycle.status(), error);
  }

  /**
   * Gives the migration up, if the guest is not handed over yet. Returns at once; {@link #await}
   * says how it ended. Any thread, any time.
   *
   * @return false if it is too late: the guest is the destination's, or about to be
   */
  public boolean cancel() {
    return lifecycle.cancel();
  }

  /**
   * Ends the migration whatever it is doing, because the process ends: also the wait for a
   * destination that does not confirm that it has the guest. Any thread.
   */
  public void abandon() {
    if (!cancel()) {
      connection.channel().cancel();
    }
  }

  /** Changes the limits while it runs: bytes a second, 0 for none, and the downtime. Any thread. */
  public void limits(long maxBandwidth, Duration downtimeLimit) {
    bandwidth.set(maxBandwidth);
    policy.downtimeLimit(downtimeLimit);
  }

  private void interrupt() {
    connection.channel().cancel();
    streams.cancel();
  }

  private void run() {
    SourcePhase outcome = SourcePhase.FAILED;
    String reason = "internal error, see the log";
    try {
      migrate();
      outcome = SourcePhase.COMPLETED;
    } catch (CancelledException _) {
      if (handover.guest() == SourceHandover.COMMITTED) {
        reason = "this process ends";
      } else if (lifecycle.hasExpired()) {
        reason =
            "not finished within the timeout of "
                + parameters.timeouts().total().toMillis()
                + " ms";
      } else {
        outcome = SourcePhase.CANCELLED;
      }
    } catch (IOException e) {
      reason = ending.describe(e);
      log.debug("the migration failed", e);
    } finally {
      List<String> reasons = ending.end(outcome, reason);
      error = reasons.isEmpty() ? null : String.join("; ", reasons);
      lifecycle.finish(outcome);
    }
  }

  private void migrate() throws IOException {
    lifecycle.advance(SourcePhase.CONNECTING);
    connect();
    lifecycle.advance(SourcePhase.NEGOTIATING);
    SourceHandshake.Agreement agreement = handshake.run();
    streams.connect(uri, parameters, agreement.streams());
    bandwidth.apply();
    precopy.start();
    counters.setUp();
    lifecycle.advance(SourcePhase.PRECOPY);
    precopy.runUntilConverged();
    handover.run(agreement.version());
  }

  private void connect() throws IOException {
    RunState now = machine.runState();
    if (now == RunState.INMIGRATE
        || now == RunState.FINISH_MIGRATE
        || now == RunState.POSTMIGRATE) {
      throw new IOException("there is no guest to migrate: the machine is " + now.qmpName());
    }
    connection.channel().connect(parameters.timeouts().connect());
  }
}
