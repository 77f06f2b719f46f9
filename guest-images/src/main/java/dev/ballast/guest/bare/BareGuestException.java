package dev.ballast.guest.bare;

import java.io.IOException;

/** The bare guest did not answer on its serial line, answered with an error, or crashed. */
public final class BareGuestException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what was waited for, and what came instead
   */
  public BareGuestException(String message) {
    super(message);
  }
}
