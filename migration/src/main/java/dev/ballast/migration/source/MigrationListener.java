package dev.ballast.migration.source;

/**
 * Listens to the progress of a migration. Called on the migration's thread and on the thread that
 * cancels; must return soon.
 */
public interface MigrationListener {
  /** Does nothing. */
  MigrationListener NONE = new MigrationListener() {};

  /** Called when the status has changed. */
  default void statusChanged(MigrationStatus status) {}

  /**
   * Called when a pass over RAM begins.
   *
   * @param pass its number, from 1 on
   */
  default void passStarted(long pass) {}
}
