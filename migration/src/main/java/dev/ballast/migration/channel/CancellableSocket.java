package dev.ballast.migration.channel;

import dev.ballast.vmm.socket.QueueFullException;
import dev.ballast.vmm.thread.Deadline;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.nio.file.Files;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * A non-blocking stream socket whose waits another thread can cancel. One thread; {@link #cancel}
 * is for any.
 */
final class CancellableSocket implements AutoCloseable {
  private static final int UNIX_SEND_BUFFER = 4 << 20;

  /** How long to wait before asking a listener again whose queue was full. */
  private static final long QUEUE_FULL_MILLIS = 20;

  private final SocketUri uri;
  private final Selector selector;
  private SocketChannel channel;
  private SelectionKey key;
  private boolean released;
  private volatile boolean cancelled;

  /**
   * Takes over a socket.
   *
   * @param uri for messages
   * @param channel closed with this, and if this throws
   * @param selectors where the selector comes from
   */
  CancellableSocket(SocketUri uri, SocketChannel channel, SelectorProvider selectors)
      throws IOException {
    this.uri = uri;
    this.channel = channel;
    boolean ready = false;
    try {
      prepare(channel);
      this.selector = selectors.openSelector();
      this.key = channel.register(selector, 0);
      ready = true;
    } finally {
      if (!ready) {
        channel.close();
      }
    }
  }

  private static void prepare(SocketChannel channel) throws IOException {
    channel.configureBlocking(false);
    if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    } else {
      // The kernel allows net.core.wmem_max of it; with more, the sides wait less often.
      channel.setOption(StandardSocketOptions.SO_SNDBUF, UNIX_SEND_BUFFER);
    }
  }

  /** Connects as {@link MigrationChannel#connect} does. */
  void connect(Duration timeout) throws IOException {
    Deadline deadline = Deadline.after(timeout);
    try {
      boolean connected =
          switch (uri) {
            case MigrationUri.Unix unix -> connect(unix, deadline, timeout);
            case MigrationUri.Tcp tcp -> channel.connect(lookUp(tcp, deadline, timeout));
          };
      while (!connected) {
        await(SelectionKey.OP_CONNECT, millisLeft(deadline, timeout, ""));
        connected = channel.finishConnect();
      }
    } catch (ConnectException e) {
      throw NotListeningException.refused(uri, e);
    } catch (SocketException e) {
      // Java tells the reason in its message only, in the language of the locale.
      throw uri instanceof MigrationUri.Unix unix && Files.notExists(unix.path())
          ? NotListeningException.missing(uri, e)
          : new IOException(uri + ": cannot connect: " + e.getMessage(), e);
    }
  }

  private long millisLeft(Deadline deadline, Duration timeout, String reason)
      throws SocketTimeoutException {
    long millis = deadline.millisLeft();
    if (millis == 0) {
      throw new SocketTimeoutException(
          uri + ": no connection after " + timeout.toMillis() + " ms" + reason);
    }
    return millis;
  }

  /**
   * Connecting over TCP waits for room in the listener's queue; connecting a Unix socket fails at
   * once.
   */
  private boolean connect(MigrationUri.Unix unix, Deadline deadline, Duration timeout)
      throws IOException {
    while (true) {
      try {
        return unix.connect(channel);
      } catch (QueueFullException e) {
        long left = millisLeft(deadline, timeout, ": " + e.getMessage());
        await(0, Math.min(left, QUEUE_FULL_MILLIS));
        replaceChannel();
      }
    }
  }

  /** A channel that failed to connect is closed, and cannot try again. */
  private void replaceChannel() throws IOException {
    channel.close();
    selector.selectNow();
    channel = SocketChannel.open(uri.family());
    prepare(channel);
    key = channel.register(selector, 0);
  }

  /**
   * A look-up may take long and cannot be interrupted, so it has a thread that is abandoned on
   * failure.
   */
  private SocketAddress lookUp(MigrationUri.Tcp tcp, Deadline deadline, Duration timeout)
      throws IOException {
    CompletableFuture<SocketAddress> found = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("migration-lookup")
        .start(
            () -> {
              try {
                found.complete(tcp.address());
              } catch (IOException | RuntimeException e) {
                found.completeExceptionally(e);
              } finally {
                selector.wakeup();
              }
            });
    while (!found.isDone()) {
      await(0, millisLeft(deadline, timeout, ""));
    }
    try {
      return found.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw e;
    }
  }

  /** Returns the socket. {@link #connect} may replace it. */
  SocketChannel channel() {
    return channel;
  }

  /**
   * Waits until the socket is ready for an operation.
   *
   * @param operation of {@link SelectionKey}; 0 for none
   * @param millis how long at most, at least 1
   * @return whether it is
   * @throws CancelledException after {@link #cancel}
   */
  boolean await(int operation, long millis) throws IOException {
    checkCancelled();
    // The key of a socket that failed to connect is not valid.
    if (key.isValid()) {
      key.interestOps(operation);
    }
    boolean ready = selector.select(millis) > 0;
    selector.selectedKeys().clear();
    checkCancelled();
    return ready;
  }

  /** Makes {@link #await} fail from now on. Any thread. */
  void cancel() {
    cancelled = true;
    selector.wakeup();
  }

  void checkCancelled() throws CancelledException {
    if (cancelled) {
      throw new CancelledException();
    }
  }

  /**
   * Gives up ownership of the socket; {@link #close} does nothing afterwards.
   *
   * @return the socket, non-blocking and not registered with a selector
   */
  SocketChannel release() throws IOException {
    released = true;
    selector.close();
    return channel;
  }

  @Override
  public void close() throws IOException {
    if (!released) {
      SocketChannel last = channel;
      try (last) {
        selector.close();
      }
    }
  }
}
