package dev.ballast.vmm.machine;

/**
 * What a user asked for is not possible in the machine's run state. The message names the state,
 * and says why or what to do.
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
