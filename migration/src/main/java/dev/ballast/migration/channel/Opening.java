package dev.ballast.migration.channel;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What connections have to send before {@link MigrationServer#accept} returns them. Called on the
 * thread that accepts.
 */
public interface Opening {
  /** The introduction of one connection, and the answers to it. */
  interface Introduction {
    /**
     * Returns how many bytes must have arrived before the next answer, or before the end of the
     * introduction.
     *
     * @param received all bytes that have arrived, perhaps none; position 0
     * @return the number of bytes, counted from the first one received
     * @throws IOException if the bytes are not a valid introduction; the connection is refused
     */
    int bytesWanted(ByteBuffer received) throws IOException;

    /**
     * Returns the answer to send now that the bytes that {@link #bytesWanted} asked for have
     * arrived; null if the introduction is complete.
     */
    @Nullable ByteBuffer answer();
  }

  /** Starts the introduction of a new connection. */
  Introduction begin();

  /**
   * Returns whether a connection whose introduction is complete is to be accepted now. If not, it
   * stays pending.
   */
  boolean isDue(Introduction introduction);

  /**
   * Called when a connection is refused.
   *
   * @param why what was wrong with its introduction
   * @return the bytes to send to the peer
   */
  ByteBuffer refuse(IOException why);
}
