package dev.ballast.vmm.machine;

/** What a machine is doing; the names are those of QMP's {@code RunState}. */
public enum RunState {
  /** Made; waits for the first {@code cont}. */
  PRELAUNCH("prelaunch"),
  /** vCPUs run. */
  RUNNING("running"),
  /** Stopped by the user. */
  PAUSED("paused"),
  /** Waits for, or receives, a migration. */
  INMIGRATE("inmigrate"),
  /** Stopped for the last part of an outgoing migration. */
  FINISH_MIGRATE("finish-migrate"),
  /** Was migrated away: the guest lives in another process now. */
  POSTMIGRATE("postmigrate"),
  /** The guest powered itself off. */
  SHUTDOWN("shutdown"),
  /** The guest reported that its kernel panicked. */
  GUEST_PANICKED("guest-panicked"),
  /** A vCPU cannot go on, or a stop, a reset or the start after it failed. */
  INTERNAL_ERROR("internal-error");

  private final String qmpName;

  RunState(String qmpName) {
    this.qmpName = qmpName;
  }

  /** Returns the name in QMP. */
  public String qmpName() {
    return qmpName;
  }
}
