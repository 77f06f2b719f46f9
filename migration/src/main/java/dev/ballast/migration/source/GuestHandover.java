package dev.ballast.migration.source;

import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.SourceHandover;
import dev.ballast.vmm.machine.MigratableMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Stops the guest and hands it over, or resumes it on this machine if that failed. Tracks which
 * side has the guest ({@link SourceHandover}). One thread.
 */
final class GuestHandover {
  private final MigratableMachine machine;
  private final MigrationParameters parameters;
  private final SourceConnection connection;
  private final SourceLifecycle lifecycle;
  private final SourceBandwidth bandwidth;
  private final PrecopyLoop precopy;
  private final ProgressCounters counters;

  private SourceHandover handover = SourceHandover.HERE;

  /** The protocol version. */
  private int version;

  /** The run state before the guest was stopped for the migration; null until then. */
  private @Nullable RunState stoppedAs;

  GuestHandover(
      MigratableMachine machine,
      MigrationParameters parameters,
      SourceConnection connection,
      SourceLifecycle lifecycle,
      SourceBandwidth bandwidth,
      PrecopyLoop precopy,
      ProgressCounters counters) {
    this.machine = machine;
    this.parameters = parameters;
    this.connection = connection;
    this.lifecycle = lifecycle;
    this.bandwidth = bandwidth;
    this.precopy = precopy;
    this.counters = counters;
  }

  /**
   * Stops the guest, sends the rest, and waits until the guest runs at the destination.
   *
   * @param protocolVersion that was agreed on
   * @throws IOException if that failed; {@link #guest} then says which side has the guest
   */
  void run(int protocolVersion) throws IOException {
    version = protocolVersion;
    counters.guestStops();
    RunState runState = machine.stopForMigration();
    stoppedAs = runState;
    lifecycle.advance(SourcePhase.SWITCHING);
    bandwidth.lift();
    // Saved before the last sync, so that the sync includes any writes to guest RAM by saving.
    List<Messages.StateSection> sections = StateSender.save(machine.stateSections());
    precopy.finish();
    if (parameters.pages().verify()) {
      long start = System.nanoTime();
      precopy.sendDigests();
      counters.verified(System.nanoTime() - start);
    }
    StateSender.send(sections, runState, connection.writer());
    FrameReader reader = connection.reader();
    reader.expect(FrameType.READY);
    // This side may have been suspended meanwhile, and the destination may have timed out.
    connection.checkPeer();
    commit();
    // Keep-alives of the destination do not extend this wait, since the guest is stopped.
    connection.channel().deadline(parameters.timeouts().silence());
    reader.expect(FrameType.RUNNING);
    handover = handover.confirmed();
    counters.guestContinues();
    // What follows is cleaning up, while the guest runs at the destination.
    counters.ended();
  }

  private void commit() throws IOException {
    lifecycle.advance(SourcePhase.COMMITTING);
    FrameWriter writer = connection.writer();
    writer.signal(FrameType.COMMIT);
    writer.flush();
    handover = handover.committed();
  }

  /** Returns which side has the guest, as far as this side knows. */
  SourceHandover guest() {
    return handover;
  }

  /** Records {@code ERROR}, by which a destination says that it does not run the guest. */
  void refused() {
    // Older destinations may send it although they run the guest.
    if (version >= Protocol.VERSION_5) {
      handover = handover.refused();
    }
  }

  /** Records that no further message from the destination is expected. */
  void lost() {
    handover = handover.lost();
  }

  /**
   * Brings the machine into the run state that follows from which side has the guest: if this one
   * has, the state in which it was stopped, which may differ from that at the start of the
   * migration.
   */
  void settle() throws IOException {
    RunState before = stoppedAs;
    if (before == null || machine.runState() != RunState.FINISH_MIGRATE) {
      return;
    }
    switch (handover) {
      case HERE -> {
        machine.endMigration(before);
        counters.guestContinues();
      }
      case THERE -> machine.endMigration(RunState.POSTMIGRATE);
      case COMMITTED, UNKNOWN -> machine.endUnconfirmedMigration(before);
    }
  }
}
