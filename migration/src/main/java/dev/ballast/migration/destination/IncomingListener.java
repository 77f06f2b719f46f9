package dev.ballast.migration.destination;

/** Is told how it goes while a destination waits; on the thread that receives. */
public interface IncomingListener {
  /** Wants to know nothing. */
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
