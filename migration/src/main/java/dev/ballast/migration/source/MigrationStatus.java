package dev.ballast.migration.source;

/** How far a migration has come; the names are those of QMP's {@code MigrationStatus}. */
public enum MigrationStatus {
  /** There was none. */
  NONE("none"),
  /** It connects and compares machines. */
  SETUP("setup"),
  /** RAM moves while the guest runs. */
  ACTIVE("active"),
  /** The guest is stopped; the rest of RAM and the state of devices move. */
  DEVICE("device"),
  /** The guest is in the destination. */
  COMPLETED("completed"),
  /** It failed. */
  FAILED("failed"),
  /** The user cancelled it, and it has not ended yet. */
  CANCELLING("cancelling"),
  /** The user cancelled it. */
  CANCELLED("cancelled");

  private final String qmpName;

  MigrationStatus(String qmpName) {
    this.qmpName = qmpName;
  }

  /** Returns the name in QMP. */
  public String qmpName() {
    return qmpName;
  }

  /** Returns whether nothing follows any more. */
  public boolean isFinal() {
    return switch (this) {
      case COMPLETED, FAILED, CANCELLED -> true;
      case NONE, SETUP, ACTIVE, DEVICE, CANCELLING -> false;
    };
  }
}
