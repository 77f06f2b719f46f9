package dev.ballast.migration.protocol;

import java.io.IOException;

/** The peer gave up the migration and sent the reason. */
public final class PeerFailedException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message the reason, for the user
   */
  public PeerFailedException(String message) {
    super(message);
  }
}
