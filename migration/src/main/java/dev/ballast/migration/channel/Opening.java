package dev.ballast.migration.channel;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * What a connection has to say before {@link MigrationServer#accept} hands it out. The server calls
 * this on the thread that accepts.
 */
public interface Opening {
  /** Returns the most bytes that {@link #bytesWanted} ever wants. */
  int maxBytes();

  /**
   * Returns how many bytes there must be, from the first on.
   *
   * @param received what has come so far, perhaps nothing; position 0
   * @return at most {@link #maxBytes}; if that many are there, the connection is handed out
   * @throws IOException if what came cannot be the start of what is wanted; the connection is
   *     refused
   */
  int bytesWanted(ByteBuffer received) throws IOException;

  /**
   * Takes note of a connection that is refused.
   *
   * @param why what {@link #bytesWanted} found
   * @return what the peer is told
   */
  ByteBuffer refuse(IOException why);
}
