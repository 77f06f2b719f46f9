package dev.ballast.tools.vm;

/** Who switched a machine off; the names are those of QMP's {@code ShutdownCause}. */
public enum ShutdownCause {
  /** The guest. */
  GUEST_SHUTDOWN("guest-shutdown"),
  /** The guest's kernel panicked, and that is to end the machine. */
  GUEST_PANIC("guest-panic"),
  /** QMP's {@code quit}. */
  HOST_QMP_QUIT("host-qmp-quit"),
  /** A signal to the process, for instance SIGTERM. */
  HOST_SIGNAL("host-signal"),
  /** Somebody at the console of {@code ballast run}. */
  HOST_UI("host-ui");

  private final String qmpName;

  ShutdownCause(String qmpName) {
    this.qmpName = qmpName;
  }

  /** Returns the name in QMP. */
  public String qmpName() {
    return qmpName;
  }

  /** Returns whether the guest did it. */
  public boolean byGuest() {
    return this == GUEST_SHUTDOWN || this == GUEST_PANIC;
  }
}
