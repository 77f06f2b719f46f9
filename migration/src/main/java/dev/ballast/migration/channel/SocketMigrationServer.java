package dev.ballast.migration.channel;

import dev.ballast.vmm.socket.SocketFile;
import dev.ballast.vmm.thread.Deadline;
import java.io.Closeable;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A listening stream socket, TCP or Unix, as {@link MigrationServer}. */
final class SocketMigrationServer implements MigrationServer {
  /** All streams of a migration may connect before the first is accepted. */
  private static final int BACKLOG = 128;

  private final SocketUri uri;
  private final Closeable owner;
  private final PendingConnections pending;
  private volatile boolean cancelled;

  private SocketMigrationServer(Bound bound, PendingConnections pending) {
    this.uri = bound.uri;
    this.owner = bound.owner;
    this.pending = pending;
  }

  /**
   * A socket that listens.
   *
   * @param uri where, with the port that was chosen
   * @param owner closes the socket and removes its file, if it has one
   */
  private record Bound(SocketUri uri, ServerSocketChannel socket, Closeable owner) {}

  static SocketMigrationServer listen(SocketUri uri) throws IOException {
    return listen(uri, SelectorProvider.provider());
  }

  /**
   * @param selectors where selectors come from
   */
  static SocketMigrationServer listen(SocketUri uri, SelectorProvider selectors)
      throws IOException {
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
      return new SocketMigrationServer(bound, pending);
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

  @Override
  public MigrationUri uri() {
    return uri;
  }

  @Override
  public @Nullable MigrationChannel poll(Duration timeout, Duration patience, Opening opening)
      throws IOException {
    Deadline deadline = Deadline.after(timeout);
    while (!cancelled) {
      long millis = 0;
      if (!timeout.isZero()) {
        millis = deadline.millisLeft();
        if (millis == 0) {
          return null;
        }
      }
      MigrationChannel channel = pending.next(opening, patience, millis);
      if (channel != null) {
        return channel;
      }
    }
    throw new CancelledException();
  }

  @Override
  public void linger(MigrationChannel refused) {
    if (refused instanceof SocketMigrationChannel socket) {
      pending.linger(socket);
    } else {
      throw new IllegalArgumentException(refused.uri() + ": not a connection of this server");
    }
  }

  @Override
  public void dropPending() throws IOException {
    pending.dropAll();
  }

  @Override
  public void cancel() {
    cancelled = true;
    pending.wakeUp();
  }

  /** {@inheritDoc} Also removes the file of a Unix socket. */
  @Override
  public void close() throws IOException {
    try (owner) {
      pending.close();
    }
  }
}
