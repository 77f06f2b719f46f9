package dev.ballast.migration.destination;

/** Listens to the progress of a destination. Called on the thread that receives. */
public interface IncomingListener {
  /** Does nothing. */
  IncomingListener NONE = new IncomingListener() {};

  /**
   * Called when a connection was refused before any of the guest had arrived; the destination keeps
   * waiting.
   *
   * @param reason one line for the user
   */
  default void turnedAway(String reason) {}

  /** Called when a source with a matching machine begins to send RAM. */
  default void started() {}
}
