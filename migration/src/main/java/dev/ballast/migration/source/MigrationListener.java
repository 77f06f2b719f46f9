package dev.ballast.migration.source;

/**
 * Hears how a migration goes on. Called on the migration's thread, and on the thread that cancels;
 * must return soon.
 */
public interface MigrationListener {
  /** Does nothing. */
  MigrationListener NONE = new MigrationListener() {};

  /** The status changed. */
  default void statusChanged(MigrationStatus status) {}

  /**
   * A pass over RAM begins.
   *
   * @param pass its number, from 1 on
   */
  default void passStarted(long pass) {}
}
