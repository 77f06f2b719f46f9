package dev.ballast.migration.source;

import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.state.SectionState;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateSections;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Saves the state of a stopped machine, and sends it. */
final class StateSender {
  private StateSender() {}

  /** Saves all sections. */
  static List<Messages.StateSection> save(List<? extends Snapshottable> parts) throws IOException {
    List<SectionState> states = StateSections.save(parts);
    List<Messages.StateSection> sections = new ArrayList<>();
    for (int i = 0; i < states.size(); i++) {
      SectionState state = states.get(i);
      sections.add(
          new Messages.StateSection(parts.get(i).stateName(), state.version(), state.bytes()));
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
