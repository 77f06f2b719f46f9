package dev.ballast.migration.source;

/** The status of a migration; the names are those of QMP's {@code MigrationStatus}. */
public enum MigrationStatus {
  /** There has been no migration. */
  NONE("none"),
  /** The sides connect and compare machines. */
  SETUP("setup"),
  /** RAM moves while the guest runs. */
  ACTIVE("active"),
  /** The guest is stopped; the rest of RAM and the state of devices move. */
  DEVICE("device"),
  /** The guest is at the destination. */
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

  /** Returns whether the migration has ended, so that no other status follows. */
  public boolean isFinal() {
    return switch (this) {
      case COMPLETED, FAILED, CANCELLED -> true;
      case NONE, SETUP, ACTIVE, DEVICE, CANCELLING -> false;
    };
  }

  /** Returns whether it has begun and not ended yet. */
  public boolean underWay() {
    return this != NONE && !isFinal();
  }
}
