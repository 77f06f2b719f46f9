package dev.ballast.tools.bench;

import java.nio.file.Path;
import java.util.List;

/** A VMM that can be measured: its name and the command of its processes. */
sealed interface Vmm permits BallastVmm, QemuVmm {
  /** The role of a new process. */
  enum Role {
    /** It boots the guest. */
    SOURCE,
    /** It waits for {@code migrate-incoming}. */
    DESTINATION
  }

  /** Returns the name in reports. */
  String name();

  /** Returns the version in reports. */
  String version();

  /** Returns whether Ballast is compared with it. */
  default boolean isPeer() {
    return false;
  }

  /**
   * Returns the command that starts a process with a bare guest, its serial line on standard input
   * and output.
   *
   * @param qmp where the process is to listen for QMP
   */
  List<String> command(Path kernel, Path qmp, long memoryBytes, Role role);
}
