package dev.ballast.migration.channel;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What connections have to say before {@link MigrationServer#accept} hands them out. The server
 * calls this on the thread that accepts.
 */
public interface Opening {
  /** What one connection has said, and what it is answered. */
  interface Introduction {
    /**
     * Returns how many bytes there must be for the next answer, or for the end.
     *
     * @param received all that has come, perhaps nothing; position 0
     * @return counted from the first byte on
     * @throws IOException if what came cannot be the start of what is wanted; the connection is
     *     refused
     */
    int bytesWanted(ByteBuffer received) throws IOException;

    /**
     * Returns what the peer is told now that there are as many bytes as were wanted; null if
     * nothing is left to say, and the connection is handed out.
     */
    @Nullable ByteBuffer answer();
  }

  /** Begins with a connection. */
  Introduction begin();

  /**
   * Returns whether a connection that has said all it has to is to be handed out now. Another one
   * waits for its time.
   */
  boolean isDue(Introduction introduction);

  /**
   * Takes note of a connection that is refused.
   *
   * @param why what was wrong with what it said
   * @return what the peer is told
   */
  ByteBuffer refuse(IOException why);
}
