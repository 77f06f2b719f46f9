package dev.ballast.migration.channel;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Waits for the connections of a migration. One thread; {@link #cancel} is for any. */
public interface MigrationServer extends AutoCloseable {
  /**
   * Starts to listen. A Unix socket has mode 0600 from its first moment on, its file goes with it,
   * and one that no process listens to any more is replaced.
   *
   * @throws IOException with a message for the user: the address is in use, or cannot be had
   */
  static MigrationServer listen(MigrationUri uri) throws IOException {
    return switch (uri) {
      case SocketUri socket -> SocketMigrationServer.listen(socket);
    };
  }

  /** Returns where it listens, with the port that was chosen. */
  MigrationUri uri();

  /**
   * Waits for a connection that says what it should. Others are dropped when they take too long, or
   * refused when they say something else, and keep no other waiting.
   *
   * @param timeout how long; zero is for ever
   * @param patience how long a connection may take for its opening
   * @param opening what a connection has to say first; what it said is read again from the channel
   * @throws CancelledException after {@link #cancel}
   * @throws SocketTimeoutException if there was none in time
   */
  default MigrationChannel accept(Duration timeout, Duration patience, Opening opening)
      throws IOException {
    MigrationChannel channel = poll(timeout, patience, opening);
    if (channel == null) {
      throw new SocketTimeoutException(
          "%s: no source connected within %d ms".formatted(uri(), timeout.toMillis()));
    }
    return channel;
  }

  /**
   * Waits as {@link #accept} does.
   *
   * @return the connection, or null if there was none in time
   */
  @Nullable MigrationChannel poll(Duration timeout, Duration patience, Opening opening)
      throws IOException;

  /**
   * Closes a refused connection once its peer has closed, or soon: it is to hear why.
   *
   * @param refused one of this server's
   */
  void linger(MigrationChannel refused);

  /** Drops connections that wait to be accepted: no more are expected. */
  void dropPending() throws IOException;

  /** Makes {@link #accept} fail with {@link CancelledException}. Any thread. */
  void cancel();

  /** Stops to listen. Connections that were accepted stay. */
  @Override
  void close() throws IOException;
}
