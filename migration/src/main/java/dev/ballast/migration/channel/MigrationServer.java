package dev.ballast.migration.channel;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Accepts the connections of a migration. One thread; {@link #cancel} is for any. */
public interface MigrationServer extends AutoCloseable {
  /**
   * Starts to listen. A Unix socket has mode 0600 from the start and its file is removed by {@link
   * #close}; a socket file that no process listens on any more is replaced.
   *
   * @throws IOException with a message for the user: the address is in use or not available
   */
  static MigrationServer listen(MigrationUri uri) throws IOException {
    return switch (uri) {
      case SocketUri socket -> SocketMigrationServer.listen(socket);
    };
  }

  /** Returns where it listens, with the port that was chosen. */
  MigrationUri uri();

  /**
   * Waits for a connection that introduces itself as {@code opening} requires. Others are dropped
   * if they take too long, or refused if they send something else; they do not delay any other.
   *
   * @param timeout how long; zero is for ever
   * @param patience how long a connection may take for its opening
   * @param opening what a connection has to send first; the channel returns these bytes again
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
   * Closes a refused connection once its peer has closed it, or after two seconds, so that the peer
   * can read the reason.
   *
   * @param refused one of this server's
   */
  void linger(MigrationChannel refused);

  /** Closes connections that have not been accepted yet: no more are expected. */
  void dropPending() throws IOException;

  /** Makes {@link #accept} fail with {@link CancelledException}. Any thread. */
  void cancel();

  /** Stops listening. Connections that were accepted stay open. */
  @Override
  void close() throws IOException;
}
