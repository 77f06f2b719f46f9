package dev.ballast.tools.lab;

import java.io.IOException;

/**
 * The lab cannot be built or started, or it died. The message says what to do where that is known.
 */
public final class LabException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what failed and the way out; its first line stands alone
   */
  public LabException(String message) {
    super(message);
  }

  /**
   * @param message what failed and the way out; its first line stands alone
   */
  public LabException(String message, Throwable cause) {
    super(message, cause);
  }
}
