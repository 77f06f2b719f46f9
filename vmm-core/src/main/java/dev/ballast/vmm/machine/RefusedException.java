package dev.ballast.vmm.machine;

/**
 * What a user asked for is not possible in the state that the machine is in. Nothing has changed;
 * the message says what the state is, and what to do.
 */
public final class RefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * @param message for the user
   */
  public RefusedException(String message) {
    super(message);
  }
}
