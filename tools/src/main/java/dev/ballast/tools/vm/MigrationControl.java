package dev.ballast.tools.vm;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import java.util.Map;
import java.util.Optional;

/** The one migration, out or in, that a machine can be in. Any thread. */
public interface MigrationControl {
  /**
   * Starts to move the guest away. Returns at once; {@link #progress} says how it goes.
   *
   * @param uri {@code unix:PATH} or {@code tcp:HOST:PORT}
   * @throws VmException if the address makes no sense, a migration is under way, or there is no
   *     guest here
   */
  void start(String uri) throws VmException;

  /**
   * Starts to wait for a guest. Returns once others can connect.
   *
   * @param uri {@code unix:PATH} or {@code tcp:HOST:PORT}
   * @return where it waits: with the port that was chosen if that was 0
   * @throws VmException if the address cannot be used, or the machine does not wait for a guest
   */
  MigrationUri startIncoming(String uri) throws VmException;

  /** Cancels an outgoing migration; has no effect when there is none. Returns at once. */
  void cancel() throws VmException;

  /** Returns how far the migration has come; of a guest that arrives only the status is known. */
  MigrationProgress progress();

  /** Returns where a guest is awaited, or arrives; empty when there is neither. */
  Optional<MigrationUri> listening();

  /** Returns every capability and whether it is on. */
  Map<MigrationCapability, Boolean> capabilities();

  /**
   * Returns whether a capability is on. Does not wait: events are told while a migration goes on.
   */
  boolean isOn(MigrationCapability capability);

  /**
   * Switches capabilities.
   *
   * @param changes those to switch, all or none of them
   * @throws VmException if a migration is under way
   */
  void setCapabilities(Map<MigrationCapability, Boolean> changes) throws VmException;

  /** Returns the parameters. */
  MigrationParameters parameters();

  /** Replaces the parameters, of a migration under way too. */
  void setParameters(MigrationParameters parameters);
}
