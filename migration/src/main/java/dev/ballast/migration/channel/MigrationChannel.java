package dev.ballast.migration.channel;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * A byte stream in both directions that a migration goes over. Calls wait until all is read or
 * written, until nothing has moved for the silence timeout ({@link SocketTimeoutException}), or
 * until {@link #cancel}. One thread uses it; {@code cancel}, the counters and the bandwidth may be
 * used by any.
 */
public interface MigrationChannel extends AutoCloseable {
  /**
   * Makes a channel that {@link #connect} connects.
   *
   * @throws IOException if the host has no descriptors for it
   */
  static MigrationChannel open(MigrationUri uri) throws IOException {
    return switch (uri) {
      case SocketUri socket -> SocketMigrationChannel.open(socket);
    };
  }

  /** Returns the URI it was made with. */
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
   * Sets after how long without a single byte moved a read or write fails.
   *
   * @param timeout at least a millisecond
   */
  void silenceTimeout(Duration timeout);

  /**
   * Sets when reads have to be over, however much moves.
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
   * Makes the call that is under way, and each later one, fail with {@link CancelledException}. Any
   * thread.
   */
  void cancel();

  /**
   * Does nothing unless {@link #cancel} was called.
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
   * Tries to write a last message, without waiting and in spite of {@link #cancel}. Does nothing if
   * the write before it ended half-way, because the peer would take the message for the rest of
   * that.
   *
   * @return whether all of it was handed to the transport
   */
  boolean writeLast(ByteBuffer message);

  /**
   * Reads what the peer still sends and forgets it, until the peer closes, or for two seconds: a
   * connection that is closed with unread data in it is reset, and the peer may lose the last
   * message to it.
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
   * Reads what is there, perhaps nothing.
   *
   * @return how many bytes were read
   * @throws EOFException if the peer closed the connection
   */
  int readAvailable(ByteBuffer into) throws IOException;

  /**
   * Closes the connection. Only for the thread that uses it; others {@link #cancel}. A failure is
   * only logged: by now it changes nothing about where the guest is.
   */
  @Override
  void close();
}
