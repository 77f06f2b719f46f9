package dev.ballast.migration.channel;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * A bidirectional byte stream for a migration. Calls wait until all is read or written, until no
 * byte has moved for the silence timeout ({@link SocketTimeoutException}), or until {@link
 * #cancel}. One thread uses it; {@code cancel}, the counters and the bandwidth may be used by any.
 */
public interface MigrationChannel extends AutoCloseable {
  /**
   * Creates a channel that is not connected yet; see {@link #connect}.
   *
   * @throws IOException if the host has no descriptors for it
   */
  static MigrationChannel open(MigrationUri uri) throws IOException {
    return switch (uri) {
      case SocketUri socket -> SocketMigrationChannel.open(socket);
    };
  }

  /** Returns the URI that it was created with. */
  MigrationUri uri();

  /**
   * Connects. Waits while a listener has no room for another client.
   *
   * @throws NotListeningException if no process listens there
   * @throws SocketTimeoutException if there is no answer in time
   * @throws IOException with a message for the user, also if there is no such host
   */
  void connect(Duration timeout) throws IOException;

  /** Returns whether {@link #connect} has succeeded. */
  boolean isConnected();

  /**
   * Sets how long a read or write may wait without moving a byte before it fails with {@link
   * SocketTimeoutException}; 30 seconds at first.
   *
   * @param timeout at least a millisecond
   */
  void silenceTimeout(Duration timeout);

  /**
   * Sets a deadline after which reads fail with {@link SocketTimeoutException}, even if bytes are
   * moving.
   *
   * @param timeout from now on; zero is no deadline
   */
  void deadline(Duration timeout);

  /**
   * Limits how fast bytes are written. Any thread.
   *
   * @param bytesPerSecond 0 is no limit
   */
  void maxBandwidth(long bytesPerSecond);

  /**
   * Makes the current call, and every later one, fail with {@link CancelledException}. Any thread.
   */
  void cancel();

  /**
   * Checks that {@link #cancel} has not been called.
   *
   * @throws CancelledException if it was
   */
  void checkCancelled() throws CancelledException;

  /** Returns how many bytes were read. Any thread. */
  long bytesRead();

  /** Returns how many bytes were written. Any thread. */
  long bytesWritten();

  /** Writes all that remains in the buffers, one after the other. */
  void write(ByteBuffer... buffers) throws IOException;

  /**
   * Tries to write a last message, without waiting and even after {@link #cancel}. Does nothing if
   * an earlier write was incomplete, because the peer would take the message for the rest of that
   * one.
   *
   * @return whether all of it was handed to the transport
   */
  boolean writeLast(ByteBuffer message);

  /**
   * Reads and discards what the peer still sends until it closes the connection, for at most two
   * seconds: a connection that is closed with unread data is reset, and the peer may then lose the
   * last message sent to it.
   */
  void drain();

  /**
   * Reads until the buffer is full.
   *
   * @throws EOFException if the peer closed the connection before
   */
  default void read(ByteBuffer into) throws IOException {
    while (into.hasRemaining()) {
      readSome(into);
    }
  }

  /**
   * Reads at least one byte.
   *
   * @throws EOFException if the peer closed the connection
   */
  void readSome(ByteBuffer into) throws IOException;

  /**
   * Reads what has arrived, without waiting.
   *
   * @return how many bytes were read, perhaps 0
   * @throws EOFException if the peer closed the connection
   */
  int readAvailable(ByteBuffer into) throws IOException;

  /**
   * Closes the connection. Only for the thread that uses it; others {@link #cancel}. A failure is
   * only logged, since it does not affect where the guest is.
   */
  @Override
  void close();
}
