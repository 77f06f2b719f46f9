package dev.ballast.vmm.boot;

import java.io.IOException;

/** A kernel file is malformed, or does not fit the machine. The message names field and value. */
public final class KernelFormatException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message the file, what is wrong, the value found and the value expected
   */
  public KernelFormatException(String message) {
    super(message);
  }
}
