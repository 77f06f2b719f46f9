package dev.ballast.migration.protocol;

/**
 * Where the guest is during a handover, as far as its source knows. The source may resume the guest
 * on its own in {@link #HERE} only.
 *
 * <pre>
 *          COMMIT handed to the socket             RUNNING
 *    HERE ────────────────────────────► COMMITTED ─────────► THERE
 *     ▲                                  │      │ connection lost, silence
 *     └──────────────────────────────────┘      └──────────► UNKNOWN
 *       ERROR: it does not run there
 * </pre>
 */
public enum SourceHandover {
  /** Nothing was sent that lets the destination run the guest. */
  HERE,
  /** The destination may run the guest from now on. */
  COMMITTED,
  /** The destination has confirmed that the guest runs there. */
  THERE,
  /** The destination may or may not run the guest; a user has to check there. */
  UNKNOWN;

  /** Returns where it is once the whole of {@link FrameType#COMMIT} was handed to the socket. */
  public SourceHandover committed() {
    return this == HERE ? COMMITTED : this;
  }

  /** Returns where it is once {@link FrameType#RUNNING} was received. */
  public SourceHandover confirmed() {
    return this == COMMITTED ? THERE : this;
  }

  /**
   * Returns where it is once {@link FrameType#ERROR} was received, from {@link Protocol#VERSION_5}
   * on: a destination sends it only if the guest has not run there, and never will.
   */
  public SourceHandover refused() {
    return this == COMMITTED ? HERE : this;
  }

  /** Returns where it is once no further message from the destination is expected. */
  public SourceHandover lost() {
    return this == COMMITTED ? UNKNOWN : this;
  }
}
