package dev.ballast.vmm.state;

import java.io.IOException;

/**
 * Saved state is malformed, or does not fit this machine. The message names the section and field.
 */
public final class StateFormatException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what is wrong, with the value found and the value expected
   */
  public StateFormatException(String message) {
    super(message);
  }
}
