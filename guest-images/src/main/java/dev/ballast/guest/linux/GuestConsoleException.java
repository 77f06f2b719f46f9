package dev.ballast.guest.linux;

import java.io.IOException;

/** The guest did not answer on its console, or answered with an error. */
public final class GuestConsoleException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what was waited for, and what came instead
   */
  public GuestConsoleException(String message) {
    super(message);
  }
}
