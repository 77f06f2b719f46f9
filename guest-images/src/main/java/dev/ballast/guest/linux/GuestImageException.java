package dev.ballast.guest.linux;

import java.io.IOException;

/** A guest image cannot be made. The message is one line and says what to do about it. */
public final class GuestImageException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message one line: what failed, and the way out
   */
  public GuestImageException(String message) {
    super(message);
  }

  /**
   * @param message one line: what failed, and the way out
   */
  public GuestImageException(String message, Throwable cause) {
    super(message, cause);
  }
}
