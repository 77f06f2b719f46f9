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
 * Stops the guest and hands it over; or gives it back to this machine when that failed. Knows who
 * has the guest ({@link SourceHandover}). One thread.
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

  /** The protocol's. */
  private int version;

  /** How the guest was when it was stopped to go; null before. */
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
   * Stops the guest, sends what is left, and waits until it goes on at the destination.
   *
   * @param protocolVersion that was agreed on
   * @throws IOException if that failed; who has the guest then, {@link #guest} says
   */
  void run(int protocolVersion) throws IOException {
    version = protocolVersion;
    counters.guestStops();
    RunState runState = machine.stopForMigration();
    stoppedAs = runState;
    lifecycle.advance(SourcePhase.SWITCHING);
    bandwidth.lift();
    // Saved before the last sync: should saving write to guest RAM, that is in the sync.
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
    // This side may have been suspended meanwhile, and the destination out of patience since.
    connection.checkPeer();
    commit();
    // However much the destination says that it is still there: the guest stands still.
    connection.channel().deadline(parameters.timeouts().silence());
    reader.expect(FrameType.RUNNING);
    handover = handover.confirmed();
    counters.guestContinues();
    // What follows gives back what the migration took here, while the guest runs there.
    counters.ended();
  }

  private void commit() throws IOException {
    lifecycle.advance(SourcePhase.COMMITTING);
    FrameWriter writer = connection.writer();
    writer.signal(FrameType.COMMIT);
    writer.flush();
    handover = handover.committed();
  }

  /** Returns who has the guest, as far as this side knows. */
  SourceHandover guest() {
    return handover;
  }

  /** Takes note of {@code ERROR}, with which a destination says that it does not run the guest. */
  void refused() {
    // Older destinations may say so although they run the guest.
    if (version >= Protocol.VERSION_5) {
      handover = handover.refused();
    }
  }

  /** Nothing more is to be heard from the destination. */
  void lost() {
    handover = handover.lost();
  }

  /**
   * Brings the machine into the state that follows from who has the guest. It goes back to what it
   * was when it was stopped, which may not be what it was first.
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
