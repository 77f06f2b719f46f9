package dev.ballast.tools.vm;

/** A virtual machine did not do what its user asked for; the message says why, in one line. */
public final class VmException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Creates an exception with a message. */
  public VmException(String message) {
    super(message);
  }

  /** Creates an exception with a message and a cause. */
  public VmException(String message, Throwable cause) {
    super(message, cause);
  }
}
