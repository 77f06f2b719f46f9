package dev.ballast.tools.vm;

/** A virtual machine did not do what its user asked for; the message says why, in one line. */
public final class VmException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Makes one of a message. */
  public VmException(String message) {
    super(message);
  }

  /** Makes one of a message and what caused it. */
  public VmException(String message, Throwable cause) {
    super(message, cause);
  }
}
