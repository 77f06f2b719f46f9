package dev.ballast.tools.vm;

import java.util.Optional;
import java.util.stream.Stream;

/** What can be switched on or off about a migration. */
public enum MigrationCapability {
  /** Pages in the balloon are neither scanned nor sent. */
  SKIP_BALLOON("skip-balloon", true),
  /** Events MIGRATION and MIGRATION_PASS are sent. */
  EVENTS("events", false),
  /** Pages go over several connections. */
  MULTIFD("multifd", false),
  /** vCPUs are slowed down while what they dirty does not shrink. */
  AUTO_CONVERGE("auto-converge", false),
  /** Both sides hash every page outside the balloon at switchover, and compare. */
  VERIFY("x-verify", false);

  private final String qmpName;
  private final boolean initially;

  MigrationCapability(String qmpName, boolean initially) {
    this.qmpName = qmpName;
    this.initially = initially;
  }

  /** Returns the name in QMP. */
  public String qmpName() {
    return qmpName;
  }

  /** Returns whether it is on by default. */
  public boolean initially() {
    return initially;
  }

  /** Returns the capability of a name in QMP. */
  public static Optional<MigrationCapability> of(String qmpName) {
    return Stream.of(values()).filter(c -> c.qmpName.equals(qmpName)).findFirst();
  }
}
