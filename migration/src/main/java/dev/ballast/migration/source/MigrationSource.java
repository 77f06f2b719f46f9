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
 * Migrates a guest out of this process. One object is one migration; it runs on a thread of its
 * own.
 *
 * <p>However it ends, dirty logging is off afterwards, and the machine is as {@link SourceHandover}
 * says: as it was before, or in {@link RunState#POSTMIGRATE}, from which a user may resume the
 * guest if the destination neither confirmed nor refused it.
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
   * @param machine the machine whose guest migrates
   * @param uri where the destination listens
   * @param parameters of the migration
   * @param listener called as the migration progresses
   * @throws IOException if no socket can be created
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
        new PrecopyLoop(
            connection,
            streams,
            policy,
            counters,
            listener,
            machine::throttle,
            () -> policy.savingTakes(machine.rehearseSaving()));
    this.handshake = new SourceHandshake(machine, parameters, connection, precopy, counters);
    this.handover =
        new GuestHandover(machine, parameters, connection, lifecycle, bandwidth, precopy, counters);
    this.ending = new SourceEnding(connection, streams, precopy, handover, counters);
    this.thread = Thread.ofPlatform().daemon().name("migration").unstarted(this::run);
    bandwidth.apply();
  }

  /**
   * Starts the migration. If this throws an {@link OutOfMemoryError} because no thread can be
   * created, nothing was started and all resources are released.
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

  /** Waits for the end of the migration and returns its final progress. */
  public MigrationProgress await() throws InterruptedException {
    thread.join();
    return progress();
  }

  /** Returns the current progress. Any thread. */
  public MigrationProgress progress() {
    return counters.snapshot(lifecycle.status(), error);
  }

  /**
   * Cancels the migration unless the guest is being handed over. Returns at once; {@link #await}
   * returns how it ended. Any thread, any time.
   *
   * @return false if it is too late, because the handover has begun and its outcome is open; true
   *     otherwise, also after the end of the migration
   */
  public boolean cancel() {
    return lifecycle.cancel();
  }

  /**
   * Ends the migration because the process ends, whatever the migration is doing, even while it
   * waits for the destination to confirm that it has the guest. Any thread.
   */
  public void abandon() {
    if (!cancel()) {
      connection.channel().cancel();
    }
  }

  /**
   * Changes the limits of a running migration. Any thread.
   *
   * @param maxBandwidth bytes per second while the guest runs; 0 is no limit
   * @param downtimeLimit how long the guest may be stopped
   */
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
