package dev.ballast.migration.protocol;

import java.io.IOException;

/** The peer gave the migration up, and said why. */
public final class PeerFailedException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message the reason, for the user
   */
  public PeerFailedException(String message) {
    super(message);
  }
}
