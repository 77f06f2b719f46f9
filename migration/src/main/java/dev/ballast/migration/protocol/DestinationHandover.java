package dev.ballast.migration.protocol;

/**
 * Where the guest is during a handover, as its destination knows it.
 *
 * <pre>
 *             COMMIT received           vCPUs started, or stopped as at the source
 *    WAITING ────────────────► STARTING ──────────────────────────────────────────► HERE
 *       │ gives up                │ cannot start them
 *       └────────► REFUSED ◄──────┘
 * </pre>
 */
public enum DestinationHandover {
  /** Before {@link FrameType#COMMIT}: the guest may still run at the source. */
  WAITING,
  /** The guest is this side's; it has not run here yet. */
  STARTING,
  /** The guest runs here, or is stopped here as it was at the source. */
  HERE,
  /** The guest has not run here and never will. */
  REFUSED;

  /** Returns where it is once {@link FrameType#COMMIT} was received. */
  public DestinationHandover committed() {
    return this == WAITING ? STARTING : this;
  }

  /** Returns where it is once the machine has entered its run state. */
  public DestinationHandover started() {
    return this == STARTING ? HERE : this;
  }

  /** Returns where it is once this side gives up, for whatever reason. */
  public DestinationHandover gaveUp() {
    return this == HERE ? HERE : REFUSED;
  }

  /**
   * Returns whether {@link FrameType#ERROR} may be sent: to the source it means that the guest has
   * not run here, so that the source resumes it.
   */
  public boolean mayRefuse() {
    return this != HERE;
  }
}
