package dev.ballast.migration.destination;

import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.List;

/** Loads state sections: each once, in the machine's order, with none missing. One thread. */
final class StateReceiver {
  private final List<? extends Snapshottable> parts;
  private int next;

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
    StateReceiver receiver = new StateReceiver(parts);
    for (Snapshottable part : parts) {
      StateWriter state = new StateWriter();
      part.saveState(state);
      receiver.load(
          new Messages.StateSection(part.stateName(), part.stateVersion(), state.toByteArray()));
    }
    receiver.end();
  }

  /** Loads a section. */
  void load(Messages.StateSection section) throws IOException {
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
    StateReader reader = new StateReader(section.name(), section.state());
    part.loadState(reader, section.version());
    reader.end();
    next++;
  }

  /** Checks that nothing is missing. */
  void end() throws ProtocolException {
    if (next < parts.size()) {
      throw new ProtocolException(
          "STATE_END: section '" + parts.get(next).stateName() + "' is missing");
    }
  }
}
