package dev.ballast.migration.protocol;

import java.io.IOException;

/** The peer sent what the protocol does not allow. The message names the frame and the values. */
public final class ProtocolException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what is wrong, with the value found and the values expected
   */
  public ProtocolException(String message) {
    super(message);
  }
}
