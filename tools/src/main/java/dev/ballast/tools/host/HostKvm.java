package dev.ballast.tools.host;

import java.util.Locale;

/** The kinds of hosts. */
public enum HostKvm {
  /** The processor runs guests: any guest works. */
  HARDWARE,

  /**
   * KVM without help of the processor: code in guest ring 0 is interpreted, slowly and
   * incompletely, so that the bare guest works and Linux does not.
   */
  PAGETABLE,

  /** No KVM that this user may use. */
  NONE;

  /** Returns the name in reports: {@code hardware}, {@code pagetable} or {@code none}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
