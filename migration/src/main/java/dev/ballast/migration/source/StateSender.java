package dev.ballast.migration.source;

import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Saves the state of a stopped machine, and sends it. */
final class StateSender {
  private StateSender() {}

  /** Saves all sections. */
  static List<Messages.StateSection> save(List<? extends Snapshottable> parts) throws IOException {
    List<Messages.StateSection> sections = new ArrayList<>();
    for (Snapshottable part : parts) {
      StateWriter state = new StateWriter();
      part.saveState(state);
      sections.add(
          new Messages.StateSection(part.stateName(), part.stateVersion(), state.toByteArray()));
    }
    return sections;
  }

  /** Sends sections, and the run state that the guest enters at the destination. */
  static void send(List<Messages.StateSection> sections, RunState runState, FrameWriter writer)
      throws IOException {
    for (Messages.StateSection section : sections) {
      writer.frame(FrameType.STATE_SECTION, section.encode());
    }
    writer.frame(FrameType.STATE_END, new Messages.StateEnd(runState).encode());
    writer.flush();
  }
}
