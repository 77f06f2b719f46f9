package dev.ballast.migration.channel;

import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;

/**
 * A socket that waits for the source of a migration. A Unix socket has mode 0600 from its first
 * moment on, and its file goes with it. One thread; {@link #cancel} is for any.
 */
public final class MigrationServer implements AutoCloseable {
  /** All streams of a migration may connect before the first is accepted. */
  private static final int BACKLOG = 128;

  private final MigrationUri uri;
  private final ServerSocketChannel socket;
  private final PendingConnections pending;
  private volatile boolean cancelled;

  private MigrationServer(
      MigrationUri uri, ServerSocketChannel socket, PendingConnections pending) {
    this.uri = uri;
    this.socket = socket;
    this.pending = pending;
  }

  /**
   * Starts to listen. A Unix socket that nobody listens at any more is replaced.
   *
   * @throws IOException with a message for the user: the address is in use, or cannot be had
   */
  public static MigrationServer listen(MigrationUri uri) throws IOException {
    ServerSocketChannel socket = ServerSocketChannel.open(uri.family());
    boolean ready = false;
    try {
      MigrationUri bound =
          switch (uri) {
            case MigrationUri.Unix unix -> bind(socket, unix);
            case MigrationUri.Tcp tcp -> bind(socket, tcp);
          };
      socket.configureBlocking(false);
      PendingConnections pending = new PendingConnections(bound, socket);
      ready = true;
      return new MigrationServer(bound, socket, pending);
    } finally {
      if (!ready) {
        socket.close();
      }
    }
  }

  private static MigrationUri bind(ServerSocketChannel socket, MigrationUri.Tcp uri)
      throws IOException {
    socket.setOption(StandardSocketOptions.SO_REUSEADDR, true);
    try {
      socket.bind(uri.address(), BACKLOG);
    } catch (BindException e) {
      throw new IOException(uri + ": cannot listen: " + e.getMessage(), e);
    }
    int port = ((InetSocketAddress) socket.getLocalAddress()).getPort();
    return new MigrationUri.Tcp(uri.host(), port);
  }

  private static MigrationUri bind(ServerSocketChannel socket, MigrationUri.Unix uri)
      throws IOException {
    Path path = uri.path().toAbsolutePath();
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      checkStale(uri, path);
    }
    // Made in a directory that nobody else can enter and then moved: at no time can others connect.
    Path directory;
    try {
      directory = Files.createTempDirectory(path.getParent(), ".");
    } catch (IOException e) {
      throw new IOException(uri + ": cannot make a socket in " + path.getParent(), e);
    }
    Path made = directory.resolve("s");
    try {
      socket.bind(UnixDomainSocketAddress.of(made), BACKLOG);
      Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-------"));
      Files.move(made, path, StandardCopyOption.ATOMIC_MOVE);
    } catch (java.net.SocketException e) {
      throw new IOException(uri + ": cannot listen: " + e.getMessage(), e);
    } finally {
      Files.deleteIfExists(made);
      Files.delete(directory);
    }
    return uri;
  }

  private static void checkStale(MigrationUri.Unix uri, Path path) throws IOException {
    if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
        .isOther()) {
      throw new IOException(uri + ": the file exists and is not a socket");
    }
    try (SocketChannel probe = SocketChannel.open(uri.family())) {
      // Not blocking: a listener whose queue is full is there, too.
      probe.configureBlocking(false);
      probe.connect(uri.address());
    } catch (java.net.ConnectException stale) {
      return;
    } catch (IOException e) {
      throw new IOException(uri + ": the file exists: " + e.getMessage(), e);
    }
    throw new IOException(uri + ": in use by another process");
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
    long deadline = System.nanoTime() + timeout.toNanos();
    while (!cancelled) {
      long millis = 0;
      if (!timeout.isZero()) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          throw new SocketTimeoutException(
              uri + ": no source connected within " + timeout.toMillis() + " ms");
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

  /** Drops connections that wait to be accepted: no more are expected. */
  public void dropPending() {
    pending.dropAll();
  }

  /** Makes {@link #accept} fail with {@link CancelledException}. Any thread. */
  public void cancel() {
    cancelled = true;
    pending.wakeUp();
  }

  /** Stops to listen. Connections that were accepted stay. */
  @Override
  public void close() throws IOException {
    boolean wasOpen = socket.isOpen();
    try {
      pending.close();
    } finally {
      socket.close();
    }
    if (wasOpen && uri instanceof MigrationUri.Unix unix) {
      Files.deleteIfExists(unix.path());
    }
  }
}
