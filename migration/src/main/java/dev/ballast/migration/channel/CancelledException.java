package dev.ballast.migration.channel;

import java.io.IOException;

/** The migration was cancelled while it waited, read or wrote. */
public final class CancelledException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Creates the exception. */
  public CancelledException() {
    super("the migration was cancelled");
  }
}
