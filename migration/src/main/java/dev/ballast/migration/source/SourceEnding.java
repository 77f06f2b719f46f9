package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.PeerFailedException;
import dev.ballast.migration.protocol.SourceHandover;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a migration, whatever its outcome: brings the machine into the right run state, releases all
 * resources, and collects the reasons for the user. One thread, once.
 */
final class SourceEnding {
  private static final Logger log = LoggerFactory.getLogger(SourceEnding.class);

  private final SourceConnection connection;
  private final SendingStreams streams;
  private final PrecopyLoop precopy;
  private final GuestHandover handover;
  private final ProgressCounters counters;
  private final List<String> reasons = new ArrayList<>();

  SourceEnding(
      SourceConnection connection,
      SendingStreams streams,
      PrecopyLoop precopy,
      GuestHandover handover,
      ProgressCounters counters) {
    this.connection = connection;
    this.streams = streams;
    this.precopy = precopy;
    this.handover = handover;
    this.counters = counters;
  }

  /**
   * Returns why the migration failed. Prefers the destination's reason to the connection error that
   * it led to.
   */
  String describe(IOException failure) {
    MigrationChannel channel = connection.channel();
    if (channel.isConnected()) {
      if (failure instanceof PeerFailedException) {
        return peerFailed(failure);
      }
      try {
        FrameReader reader = connection.reader();
        FrameType type = reader.poll();
        while (type != null && type != FrameType.ERROR) {
          type = reader.poll();
        }
        if (type != null && reader.unexpected("after a failure") instanceof PeerFailedException e) {
          return peerFailed(e);
        }
      } catch (IOException e) {
        log.debug("the destination left no message", e);
      }
    }
    return String.valueOf(failure.getMessage());
  }

  private String peerFailed(IOException failure) {
    // A destination never sends CANCEL, which would say nothing about the guest.
    if (connection.reader().type() == FrameType.ERROR) {
      handover.refused();
    }
    return "the destination gave up: " + failure.getMessage();
  }

  /**
   * Brings the machine into its run state, notifies the destination, and releases all resources.
   * Each step is done even if another fails.
   *
   * @param outcome a final phase
   * @param reason why, if it failed
   * @return what went wrong, for the user; empty if nothing did
   */
  List<String> end(SourcePhase outcome, String reason) {
    handover.lost();
    if (outcome == SourcePhase.FAILED) {
      reasons.add(
          handover.guest() == SourceHandover.UNKNOWN
              ? "the guest was handed over, but the destination did not confirm it: " + reason
              : reason);
    }
    attempt("vCPUs stay throttled", precopy::endThrottle);
    attempt("the guest stays stopped", handover::settle);
    attempt("dirty logging cannot be stopped", precopy::stopLogs);
    attempt("the destination does not hear of it", () -> tellPeer(outcome, reason));
    attempt("streams cannot be closed", streams::close);
    attempt("the connection cannot be closed", connection::close);
    attempt("bitmaps cannot be given back", precopy::release);
    counters.ended();
    return List.copyOf(reasons);
  }

  private void tellPeer(SourcePhase outcome, String reason) {
    FrameWriter writer = connection.writer();
    if (outcome == SourcePhase.CANCELLED) {
      writer.last(FrameType.CANCEL, new byte[0]);
    } else if (outcome == SourcePhase.FAILED) {
      writer.last(FrameType.ERROR, new Messages.Failure(reason).encode());
    }
  }

  private void attempt(String failure, IoAction step) {
    try {
      step.run();
    } catch (IOException | RuntimeException | Error e) {
      log.error("after a migration: {}", failure, e);
      reasons.add(failure + ": " + e.getMessage());
    }
  }
}
