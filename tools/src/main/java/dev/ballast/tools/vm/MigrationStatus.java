package dev.ballast.tools.vm;

import java.util.Locale;

/** Where a migration stands; the names are those of QMP's {@code MigrationStatus}. */
public enum MigrationStatus {
  /** There was none yet. */
  NONE,
  /** The two sides agree on what is to come. */
  SETUP,
  /** RAM is sent while the guest runs. */
  ACTIVE,
  /** The guest stands still: the last pages and the devices are sent. */
  DEVICE,
  /** The guest lives on the other side. */
  COMPLETED,
  /** It went wrong; the guest is where it was. */
  FAILED,
  /** Somebody cancelled it, and it is being wound up. */
  CANCELLING,
  /** Somebody cancelled it; the guest is where it was. */
  CANCELLED;

  /** Returns the name in QMP. */
  public String qmpName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Tells whether the migration is under way. */
  public boolean underWay() {
    return switch (this) {
      case SETUP, ACTIVE, DEVICE, CANCELLING -> true;
      case NONE, COMPLETED, FAILED, CANCELLED -> false;
    };
  }
}
