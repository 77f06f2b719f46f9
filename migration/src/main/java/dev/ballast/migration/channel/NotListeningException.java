package dev.ballast.migration.channel;

import java.io.IOException;

/** No process listens where a source wants to connect. */
public final class NotListeningException extends IOException {
  private static final long serialVersionUID = 1L;
  private static final String REFUSED = ": connection refused: no process listens there";
  private static final String MISSING = ": there is no such socket";

  private NotListeningException(String message, IOException cause) {
    super(message, cause);
  }

  static NotListeningException refused(MigrationUri uri, IOException cause) {
    return new NotListeningException(uri + REFUSED, cause);
  }

  static NotListeningException missing(MigrationUri uri, IOException cause) {
    return new NotListeningException(uri + MISSING, cause);
  }

  /**
   * Returns whether a message is that of this exception: for callers that have only the message of
   * a failed migration, from another process.
   */
  public static boolean isSaidBy(String message) {
    return message.endsWith(REFUSED) || message.endsWith(MISSING);
  }
}
