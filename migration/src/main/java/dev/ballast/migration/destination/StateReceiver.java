package dev.ballast.migration.destination;

import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.state.SectionState;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateSections;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Collects state sections, each once, in the machine's order, with none missing, and loads them
 * together: a connection that stalls between two of them must not come between two vCPUs, whose
 * time stamp counters KVM synchronises only if they are set at about the same time. One thread.
 */
final class StateReceiver {
  /** The most that all sections of a machine may have in bytes. */
  static final long MAX_BYTES = 2L * FrameType.STATE_SECTION.maxPayload();

  private final List<? extends Snapshottable> parts;
  private final List<SectionState> received = new ArrayList<>();
  private long bytes;

  StateReceiver(List<? extends Snapshottable> parts) {
    this.parts = parts;
  }

  /**
   * Saves the machine's own state and loads it again, so that state that this host cannot load is
   * found before a guest is stopped for it, and so that first-time costs do not add to the
   * downtime.
   *
   * @param parts of a machine whose vCPUs are parked
   */
  static void checkLoadable(List<? extends Snapshottable> parts) throws IOException {
    StateSections.load(parts, StateSections.save(parts));
  }

  /**
   * Checks, before the payload of a section is read, that there is room for it.
   *
   * @param length of the payload in bytes
   */
  void checkRoom(int length) throws ProtocolException {
    if (bytes + length > MAX_BYTES) {
      throw new ProtocolException(
          "STATE_SECTION: all sections together have more than " + MAX_BYTES + " bytes");
    }
  }

  /** Takes a section. */
  void add(Messages.StateSection section) throws ProtocolException {
    int next = received.size();
    String expected = next < parts.size() ? parts.get(next).stateName() : "the end of the state";
    if (next == parts.size() || !section.name().equals(expected)) {
      throw new ProtocolException(
          "STATE_SECTION: section '" + section.name() + "', expected " + expected);
    }
    Snapshottable part = parts.get(next);
    if (section.version() > part.stateVersion()) {
      throw new ProtocolException(
          "STATE_SECTION: section %s has version %d, the newest known here is %d"
              .formatted(section.name(), section.version(), part.stateVersion()));
    }
    received.add(new SectionState(section.version(), section.state()));
    bytes += section.state().length;
  }

  /** Checks that nothing is missing, and loads all of it. */
  void load() throws IOException {
    if (received.size() < parts.size()) {
      throw new ProtocolException(
          "STATE_END: section '" + parts.get(received.size()).stateName() + "' is missing");
    }
    StateSections.load(parts, received);
  }
}
