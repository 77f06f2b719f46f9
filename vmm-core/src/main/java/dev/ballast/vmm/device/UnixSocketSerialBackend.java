package dev.ballast.vmm.device;

import dev.ballast.vmm.device.OutputBuffer.WhenFull;
import dev.ballast.vmm.socket.SocketFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A line to the clients of a unix socket, one at a time; the next one waits. The last 64 KiB of
 * output are kept for the next client; a client that is too slow misses the oldest output.
 *
 * <p>No input of a connected client is lost: while the guest does not read it, the client has to
 * wait. What a client sent before it disconnected still reaches the guest, before the input of the
 * next one. Only if that is more than 4 KiB, and the guest has not read it when the next client
 * connects, the rest is dropped.
 */
public final class UnixSocketSerialBackend extends BufferedSerialBackend {
  private static final Logger log = LoggerFactory.getLogger(UnixSocketSerialBackend.class);
  private static final int INPUT_SIZE = 4 << 10;

  /**
   * How long to wait after accepting a client has failed, and between checks for the next client.
   */
  private static final Duration RETRY = Duration.ofMillis(200);

  /** Accepts the next client, if there is one. */
  @FunctionalInterface
  interface Clients {
    @Nullable SocketChannel accept() throws IOException;
  }

  private final Path path;
  private final SocketFile server;
  private final Clients clients;

  /** What the reader thread waits for: clients, input, and room for input. */
  private final Selector events;

  /** What the writer thread waits for. */
  private final Selector writable;

  private final SelectionKey nextClient;
  private @Nullable SocketChannel receiver;
  private boolean closing;

  private UnixSocketSerialBackend(
      Path path, SocketFile server, Clients clients, Selector events, Selector writable)
      throws IOException {
    super(path.toString(), WhenFull.DROP_OLDEST);
    this.path = path;
    this.server = server;
    this.clients = clients;
    this.events = events;
    this.writable = writable;
    server.channel().configureBlocking(false);
    this.nextClient = server.channel().register(events, 0);
  }

  /**
   * Listens; only this user can connect. A socket that no process listens to any more is replaced.
   *
   * @param path where to make the socket, 1 to {@link SocketFile#MAX_PATH} bytes
   * @throws IOException if the path is in use or cannot be made; the message is complete
   */
  public static UnixSocketSerialBackend listen(Path path) throws IOException {
    SocketFile server = SocketFile.listen(path, 1);
    return listen(path, server, server.channel()::accept);
  }

  static UnixSocketSerialBackend listen(Path path, SocketFile server, Clients clients)
      throws IOException {
    Selector events = null;
    try {
      events = Selector.open();
      return new UnixSocketSerialBackend(path, server, clients, events, Selector.open());
    } catch (IOException e) {
      server.close();
      if (events != null) {
        events.close();
      }
      throw new IOException("cannot listen on " + path + ": " + e.getMessage(), e);
    }
  }

  @Override
  public synchronized String filename() {
    return (receiver == null ? "disconnected:" : "") + "unix:" + path + ",server=on";
  }

  @Override
  synchronized void awaitReceiver() throws InterruptedException {
    while (receiver == null && !closing) {
      wait();
    }
  }

  @Override
  void write(byte[] bytes, int length) throws InterruptedException {
    ByteBuffer rest = ByteBuffer.wrap(bytes, 0, length);
    while (rest.hasRemaining()) {
      awaitReceiver();
      SocketChannel to = receiver();
      if (to == null) {
        return; // closing, and there is no client
      }
      try {
        if (to.write(rest) == 0) {
          awaitWritable(to);
        }
      } catch (IOException e) {
        log.debug("{}: client takes no more: {}", path, e.getMessage());
        forget(to);
      }
    }
  }

  private void awaitWritable(SocketChannel to) throws IOException, InterruptedException {
    SelectionKey key = to.register(writable, SelectionKey.OP_WRITE);
    writable.select();
    key.cancel();
    writable.selectNow(); // a channel is not closed before its keys are gone
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
  }

  /** Serves clients, and waits only for events, never for the guest or for a single client. */
  @Override
  void readAll(Line line) throws IOException {
    ByteBuffer input = ByteBuffer.allocate(INPUT_SIZE);
    SocketChannel client = null;
    try {
      while (!Thread.currentThread().isInterrupted()) {
        give(line, input);
        if (client == null) {
          client = awaitClient();
        } else if (!serve(client, input)) {
          disconnect(client);
          client = null;
        }
      }
    } finally {
      if (client != null) {
        disconnect(client);
      }
    }
  }

  private static void give(Line line, ByteBuffer input) {
    if (input.position() == 0) {
      return;
    }
    input.flip();
    int taken = line.receive(input.array(), input.arrayOffset(), input.remaining());
    input.position(taken);
    input.compact();
  }

  @Override
  public void readyToReceive() {
    events.wakeup();
  }

  /** Waits for a client or another event; returns null in the latter case. */
  private @Nullable SocketChannel awaitClient() throws IOException {
    nextClient.interestOps(SelectionKey.OP_ACCEPT);
    await(Duration.ZERO);
    nextClient.interestOps(0);
    if (Thread.currentThread().isInterrupted()) {
      return null; // the server's socket is left for release() to close
    }
    SocketChannel accepted = null;
    try {
      accepted = clients.accept();
      if (accepted != null) {
        connect(accepted);
      }
      return accepted;
    } catch (ClosedChannelException _) {
      log.debug("{}: closed", path);
    } catch (IOException e) {
      // Too few file descriptors, most likely: the client may be served when there are more.
      log.warn("{}: cannot take a client: {}", path, e.getMessage());
      if (accepted != null) {
        accepted.close();
      }
      await(RETRY);
    }
    return null;
  }

  /**
   * Reads the input that is there, or waits for an event; returns false when the client is to be
   * disconnected.
   */
  private boolean serve(SocketChannel client, ByteBuffer input) throws IOException {
    try {
      SelectionKey key = client.register(events, 0);
      if (!input.hasRemaining()) {
        await(RETRY);
        return !(isNextWaiting() && hasHungUp(key));
      }
      int count = client.read(input);
      if (count == 0) {
        key.interestOps(SelectionKey.OP_READ);
        await(Duration.ZERO);
      }
      return count >= 0;
    } catch (IOException | CancelledKeyException e) {
      log.debug("{}: client is gone: {}", path, e.getMessage());
      return false;
    }
  }

  private boolean isNextWaiting() throws IOException {
    return isReady(nextClient, SelectionKey.OP_ACCEPT);
  }

  /**
   * Returns whether a client has closed its connection, although input from it is still to be read.
   * An established connection is ready for OP_CONNECT only if it has an error or is hung up.
   */
  private boolean hasHungUp(SelectionKey client) throws IOException {
    return isReady(client, SelectionKey.OP_CONNECT);
  }

  private boolean isReady(SelectionKey key, int operation) throws IOException {
    key.interestOps(operation);
    events.selectNow();
    key.interestOps(0);
    return events.selectedKeys().remove(key);
  }

  private void await(Duration timeout) throws IOException {
    events.select(timeout.toMillis());
    events.selectedKeys().clear();
  }

  private void connect(SocketChannel accepted) throws IOException {
    accepted.configureBlocking(false);
    accepted.register(events, 0);
    synchronized (this) {
      receiver = accepted;
      notifyAll();
    }
  }

  private void disconnect(SocketChannel gone) throws IOException {
    forget(gone);
    try {
      gone.close();
    } catch (IOException e) {
      log.debug("{}: close: {}", path, e.getMessage());
    }
    events.selectNow(); // as above
    writable.wakeup();
  }

  private synchronized void forget(SocketChannel gone) {
    if (receiver == gone) {
      receiver = null;
    }
  }

  private synchronized @Nullable SocketChannel receiver() {
    return receiver;
  }

  @Override
  public void close() {
    synchronized (this) {
      closing = true;
      notifyAll();
    }
    super.close();
  }

  @Override
  void release() throws IOException, InterruptedException {
    awaitReaderEnd(); // it was interrupted
    server.close();
    events.close();
    writable.close();
  }
}
