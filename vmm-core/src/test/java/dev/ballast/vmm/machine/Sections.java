package dev.ballast.vmm.machine;

import dev.ballast.vmm.state.StateSections;
import java.io.IOException;

/** The state of machines, without a migration around it. */
final class Sections {
  private Sections() {}

  /** Has a machine take the state of another, as the last step of a migration does. */
  static void move(Machine source, Machine destination) throws IOException {
    StateSections.load(destination.stateSections(), StateSections.save(source.stateSections()));
  }
}
