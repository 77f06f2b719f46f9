package dev.ballast.migration.channel;

import dev.ballast.vmm.socket.SocketFile;
import java.io.Closeable;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A socket that waits for the source of a migration. A Unix socket has mode 0600 from its first
 * moment on, and its file goes with it. One thread; {@link #cancel} is for any.
 */
public final class MigrationServer implements AutoCloseable {
  /** All streams of a migration may connect before the first is accepted. */
  private static final int BACKLOG = 128;

  private final MigrationUri uri;
  private final Closeable owner;
  private final PendingConnections pending;
  private volatile boolean cancelled;

  private MigrationServer(Bound bound, PendingConnections pending) {
    this.uri = bound.uri;
    this.owner = bound.owner;
    this.pending = pending;
  }

  /**
   * A socket that listens.
   *
   * @param uri where, with the port that was chosen
   * @param owner closes the socket and removes what came with it
   */
  private record Bound(MigrationUri uri, ServerSocketChannel socket, Closeable owner) {}

  /**
   * Starts to listen. A Unix socket that no process listens to any more is replaced.
   *
   * @throws IOException with a message for the user: the address is in use, or cannot be had
   */
  public static MigrationServer listen(MigrationUri uri) throws IOException {
    return listen(uri, SelectorProvider.provider());
  }

  static MigrationServer listen(MigrationUri uri, SelectorProvider selectors) throws IOException {
    Bound bound =
        switch (uri) {
          case MigrationUri.Unix unix -> bind(unix);
          case MigrationUri.Tcp tcp -> bind(tcp);
        };
    boolean ready = false;
    try {
      bound.socket.configureBlocking(false);
      PendingConnections pending = new PendingConnections(bound.uri, bound.socket, selectors);
      ready = true;
      return new MigrationServer(bound, pending);
    } finally {
      if (!ready) {
        bound.owner.close();
      }
    }
  }

  private static Bound bind(MigrationUri.Unix uri) throws IOException {
    SocketFile file = SocketFile.listen(uri.path(), BACKLOG);
    return new Bound(uri, file.channel(), file);
  }

  private static Bound bind(MigrationUri.Tcp uri) throws IOException {
    ServerSocketChannel socket = ServerSocketChannel.open(uri.family());
    boolean ready = false;
    try {
      socket.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      socket.bind(uri.address(), BACKLOG);
      int port = ((InetSocketAddress) socket.getLocalAddress()).getPort();
      ready = true;
      return new Bound(new MigrationUri.Tcp(uri.host(), port), socket, socket);
    } catch (BindException e) {
      throw new IOException(uri + ": cannot listen: " + e.getMessage(), e);
    } finally {
      if (!ready) {
        socket.close();
      }
    }
  }

  /** Returns where it listens, with the port that was chosen. */
  public MigrationUri uri() {
    return uri;
  }

  /**
   * Waits for a connection that says what it should. Others are dropped when they take too long, or
   * refused when they say something else, and keep nobody waiting.
   *
   * @param timeout how long; zero is for ever
   * @param patience how long a connection may take for its opening
   * @param opening what a connection has to say first; what it said is read again from the channel
   * @throws CancelledException after {@link #cancel}
   * @throws SocketTimeoutException if there was none in time
   */
  public MigrationChannel accept(Duration timeout, Duration patience, Opening opening)
      throws IOException {
    MigrationChannel channel = poll(timeout, patience, opening);
    if (channel == null) {
      throw new SocketTimeoutException(
          uri + ": no source connected within " + timeout.toMillis() + " ms");
    }
    return channel;
  }

  /**
   * Waits as {@link #accept} does.
   *
   * @return the connection, or null if there was none in time
   */
  public @Nullable MigrationChannel poll(Duration timeout, Duration patience, Opening opening)
      throws IOException {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (!cancelled) {
      long millis = 0;
      if (!timeout.isZero()) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          return null;
        }
        millis = left / 1_000_000 + 1;
      }
      MigrationChannel channel = pending.next(opening, patience, millis);
      if (channel != null) {
        return channel;
      }
    }
    throw new CancelledException();
  }

  /** Closes a refused connection once its peer has closed, or soon: it is to hear why. */
  public void linger(MigrationChannel refused) {
    pending.linger(refused);
  }

  /** Drops connections that wait to be accepted: no more are expected. */
  public void dropPending() throws IOException {
    pending.dropAll();
  }

  /** Makes {@link #accept} fail with {@link CancelledException}. Any thread. */
  public void cancel() {
    cancelled = true;
    pending.wakeUp();
  }

  /** Stops to listen and removes the socket's file. Connections that were accepted stay. */
  @Override
  public void close() throws IOException {
    try (owner) {
      pending.close();
    }
  }
}
