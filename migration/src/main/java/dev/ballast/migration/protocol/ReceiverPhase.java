package dev.ballast.migration.protocol;

import java.io.IOException;
import java.util.EnumSet;
import java.util.Set;

/**
 * How far a destination has come, and which frames it accepts there. The package documentation has
 * the diagram.
 */
public enum ReceiverPhase {
  /** Nothing has been received. */
  GREETING(FrameType.HELLO),
  /** The version is agreed on. */
  CONFIGURING(FrameType.CONFIG),
  /** The machine fits; passes over RAM. */
  RAM(FrameType.RAM_PAGES, FrameType.ZERO_PAGES, FrameType.BITMAP, FrameType.PASS_END),
  /** Passes over RAM, on an additional connection. */
  STREAM_RAM(FrameType.RAM_PAGES, FrameType.ZERO_PAGES, FrameType.PASS_END),
  /** All of RAM is here; digests of it follow. */
  VERIFYING(FrameType.VERIFY),
  /** State is being loaded. */
  STATE(FrameType.STATE_SECTION, FrameType.STATE_END),
  /** {@link FrameType#READY} was sent. */
  COMMITTING(FrameType.COMMIT),
  /** The guest is here; no frame follows. */
  COMMITTED();

  @SuppressWarnings("ImmutableEnumChecker") // filled once, here
  private final Set<FrameType> allowed;

  ReceiverPhase(FrameType... allowed) {
    this.allowed = EnumSet.noneOf(FrameType.class);
    this.allowed.addAll(Set.of(allowed));
  }

  /**
   * Checks the frame whose header was read.
   *
   * @throws PeerFailedException if the source gave up
   * @throws ProtocolException if a frame of this type is not allowed in this phase
   */
  public void check(FrameReader reader) throws IOException {
    if (!allowed.contains(reader.type())) {
      throw reader.unexpected("the destination expects one of " + allowed);
    }
  }
}
