package dev.ballast.migration.source;

import org.jspecify.annotations.Nullable;

/**
 * How far a source has come. The package documentation has the diagram; {@link
 * dev.ballast.migration.protocol.SourceHandover} says where the guest is meanwhile.
 */
enum SourcePhase {
  /** The migration has not begun. */
  NEW(MigrationStatus.NONE),
  /** The source connects to the destination. */
  CONNECTING(MigrationStatus.SETUP),
  /** Both sides compare machines, and streams are connected. */
  NEGOTIATING(MigrationStatus.SETUP),
  /** RAM moves while the guest runs. */
  PRECOPY(MigrationStatus.ACTIVE),
  /** The guest is stopped; the rest of RAM and the state move. */
  SWITCHING(MigrationStatus.DEVICE),
  /** It was decided to hand the guest over: a cancel comes too late. */
  COMMITTING(MigrationStatus.DEVICE),
  /** The user cancelled it. */
  CANCELLING(MigrationStatus.CANCELLING),
  /** It took too long. Its status stays what it was until it has failed. */
  EXPIRED(null),
  /** The guest is at the destination. */
  COMPLETED(MigrationStatus.COMPLETED),
  /** It failed. */
  FAILED(MigrationStatus.FAILED),
  /** It was cancelled, and the guest is here. */
  CANCELLED(MigrationStatus.CANCELLED);

  private final @Nullable MigrationStatus status;

  SourcePhase(@Nullable MigrationStatus status) {
    this.status = status;
  }

  /** Returns the status that users see; null if it stays as before. */
  @Nullable MigrationStatus status() {
    return status;
  }

  /** Returns whether the migration works towards its goal. */
  private boolean isUnderWay() {
    return switch (this) {
      case NEW, CONNECTING, NEGOTIATING, PRECOPY, SWITCHING -> true;
      case COMMITTING, CANCELLING, EXPIRED, COMPLETED, FAILED, CANCELLED -> false;
    };
  }

  /** Returns whether it may be given up: always before it is decided to hand the guest over. */
  boolean mayCancel() {
    return isUnderWay() || this == EXPIRED;
  }

  /** Returns whether it may still take too long. */
  boolean mayExpire() {
    return isUnderWay();
  }

  /** Returns whether it was given up, so that no further phase is begun. */
  boolean isGivenUp() {
    return this == CANCELLING || this == EXPIRED;
  }

  /** Returns whether it is over. */
  boolean isFinal() {
    return this == COMPLETED || this == FAILED || this == CANCELLED;
  }
}
