package dev.ballast.migration.destination;

/** Hears how it goes while a destination waits. Called on the thread that receives. */
public interface IncomingListener {
  /** Does nothing. */
  IncomingListener NONE = new IncomingListener() {};

  /**
   * A connection was turned away before any of the guest had arrived; the destination waits on.
   *
   * @param reason one line for the user
   */
  default void turnedAway(String reason) {}

  /** A source whose machine fits begins to send. */
  default void started() {}
}
