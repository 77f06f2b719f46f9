package dev.ballast.tools.lab;

import java.io.IOException;

/**
 * The lab cannot be built or started, or it died. The message says what to do where that is known.
 */
public final class LabException extends IOException {
  private static final long serialVersionUID = 1L;

  private final boolean death;

  /**
   * @param message what failed and the way out; its first line stands alone
   */
  public LabException(String message) {
    this(message, false);
  }

  /**
   * @param message what failed and the way out; its first line stands alone
   */
  public LabException(String message, Throwable cause) {
    super(message, cause);
    this.death = false;
  }

  private LabException(String message, boolean death) {
    super(message);
    this.death = death;
  }

  /** Returns the exception for a lab that ended by itself. */
  public static LabException died(String message) {
    return new LabException(message, true);
  }

  /**
   * Returns whether the lab ended by itself: its kernel panicked, or QEMU failed. Another lab may
   * live.
   */
  public boolean isDeath() {
    return death;
  }
}
