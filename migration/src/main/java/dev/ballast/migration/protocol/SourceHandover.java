package dev.ballast.migration.protocol;

/**
 * Where the guest is in a handover, as far as its source knows. The source may let the guest go on
 * by itself in {@link #HERE} only.
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
  /** Nothing was sent that lets the destination run it. */
  HERE,
  /** The destination runs it, or will. */
  COMMITTED,
  /** The destination said that it runs. */
  THERE,
  /** The destination may run it or not; only a user who looks there can tell. */
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

  /** Returns where it is once nothing more is to be heard from the destination. */
  public SourceHandover lost() {
    return this == COMMITTED ? UNKNOWN : this;
  }
}
