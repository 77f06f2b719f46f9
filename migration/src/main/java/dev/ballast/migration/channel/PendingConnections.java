package dev.ballast.migration.channel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of a listening socket that have not yet said what they are for. All of them are
 * heard at the same time, so that none keeps another waiting, however silent or slow it is; each
 * has a deadline, costs a hundred bytes, and when there are too many, the oldest goes. One thread;
 * {@link #wakeUp} is for any.
 */
final class PendingConnections implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PendingConnections.class);

  /** The most connections that wait at a time. */
  static final int MAX_PENDING = 256;

  /** Taken from the socket's queue before those that are there are looked at again. */
  private static final int ACCEPT_AT_ONCE = 64;

  /** How long a refused peer may take to read the reason and to close. */
  private static final long LINGER_NANOS = 2_000_000_000L;

  /** How long nothing is accepted after that failed, for want of file descriptors most likely. */
  private static final long RETRY_NANOS = 100_000_000L;

  private static final long NANOS_PER_MILLI = 1_000_000L;
  private static final int SINK_BYTES = 4 << 10;

  /** A connection, and what it has said. */
  private static final class Pending {
    final SocketChannel socket;
    final ByteBuffer received;
    long deadline;
    boolean refused;

    Pending(SocketChannel socket, int maxBytes, long deadline) {
      this.socket = socket;
      this.received = ByteBuffer.allocate(maxBytes);
      this.deadline = deadline;
    }
  }

  private final MigrationUri uri;
  private final ServerSocketChannel server;
  private final SelectorProvider selectors;
  private final Selector selector;
  private final SelectionKey acceptKey;
  private final Set<Pending> waiting = new LinkedHashSet<>();
  private final ByteBuffer sink = ByteBuffer.allocate(SINK_BYTES);
  private boolean acceptFailed;
  private long acceptAgainAt;

  /**
   * @param uri for messages
   * @param server not blocking; not closed by this
   * @param selectors where selectors come from
   * @throws IOException if the host has no descriptors for a selector
   */
  PendingConnections(MigrationUri uri, ServerSocketChannel server, SelectorProvider selectors)
      throws IOException {
    this.uri = uri;
    this.server = server;
    this.selectors = selectors;
    this.selector = selectors.openSelector();
    this.acceptKey = server.register(selector, SelectionKey.OP_ACCEPT);
  }

  /**
   * Waits for a connection that has said what is wanted.
   *
   * @param opening what it has to say
   * @param patience how long a connection may take to say it
   * @param millis how long to wait at most; 0 waits until something happens
   * @return the connection, which reads what was said once more; null if none is ready yet
   * @throws IOException if the socket was closed
   */
  @Nullable MigrationChannel next(Opening opening, Duration patience, long millis)
      throws IOException {
    Pending ready = findReady(opening);
    if (ready == null) {
      selector.select(timeout(millis));
      for (SelectionKey key : selector.selectedKeys()) {
        if (key.attachment() instanceof Pending pending) {
          read(pending);
        } else {
          accept(opening, patience);
        }
      }
      selector.selectedKeys().clear();
      ready = findReady(opening);
      dropExpired();
    }
    return ready == null ? null : handOut(ready);
  }

  private @Nullable MigrationChannel handOut(Pending ready) throws IOException {
    waiting.remove(ready);
    ready.socket.keyFor(selector).cancel();
    // Only now is the socket free to be registered with another selector.
    selector.selectNow();
    try {
      return new MigrationChannel(uri, ready.socket, ready.received.flip(), selectors);
    } catch (IOException e) {
      pauseAccepting(e);
      return null;
    }
  }

  private @Nullable Pending findReady(Opening opening) {
    for (Pending pending : waiting) {
      if (!pending.refused && isReady(pending, opening)) {
        return pending;
      }
    }
    return null;
  }

  private boolean isReady(Pending pending, Opening opening) {
    ByteBuffer said = pending.received.asReadOnlyBuffer().flip();
    try {
      return said.remaining() >= opening.bytesWanted(said);
    } catch (IOException e) {
      refuse(pending, opening.refuse(e));
      return false;
    }
  }

  /** To close at once could lose the answer: it goes when the peer has closed, or soon. */
  private void refuse(Pending pending, ByteBuffer answer) {
    pending.refused = true;
    pending.deadline = System.nanoTime() + LINGER_NANOS;
    try {
      pending.socket.write(answer);
      pending.socket.shutdownOutput();
    } catch (IOException e) {
      log.debug("{}: a refused connection is gone: {}", uri, e.getMessage());
      pending.deadline = System.nanoTime();
    }
  }

  private long timeout(long millis) {
    long now = System.nanoTime();
    long next = Long.MAX_VALUE;
    if (acceptAgainAt != 0) {
      next = acceptAgainAt - now;
      if (next <= 0) {
        acceptAgainAt = 0;
        acceptKey.interestOps(SelectionKey.OP_ACCEPT);
        next = Long.MAX_VALUE;
      }
    }
    for (Pending pending : waiting) {
      next = Math.min(next, pending.deadline - now);
    }
    if (next == Long.MAX_VALUE) {
      return millis;
    }
    long due = Math.max(1, next / NANOS_PER_MILLI + 1);
    return millis == 0 ? due : Math.min(millis, due);
  }

  private void accept(Opening opening, Duration patience) throws IOException {
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
      try {
        SocketChannel accepted = server.accept();
        if (accepted == null) {
          return;
        }
        add(accepted, opening, patience);
        acceptFailed = false;
      } catch (ClosedChannelException e) {
        throw e;
      } catch (IOException e) {
        pauseAccepting(e);
        return;
      }
    }
  }

  private void add(SocketChannel accepted, Opening opening, Duration patience) throws IOException {
    Pending pending =
        new Pending(accepted, opening.maxBytes(), System.nanoTime() + patience.toNanos());
    boolean registered = false;
    try {
      accepted.configureBlocking(false);
      accepted.register(selector, SelectionKey.OP_READ, pending);
      registered = true;
    } finally {
      if (!registered) {
        accepted.close();
      }
    }
    waiting.add(pending);
    if (waiting.size() > MAX_PENDING) {
      dropOldest();
    }
  }

  private void pauseAccepting(IOException e) {
    if (!acceptFailed) {
      log.warn("{}: cannot take a connection: {}", uri, e.getMessage());
    }
    acceptFailed = true;
    acceptKey.interestOps(0);
    acceptAgainAt = System.nanoTime() + RETRY_NANOS;
    dropOldest();
  }

  private void dropOldest() {
    Iterator<Pending> oldestFirst = waiting.iterator();
    if (oldestFirst.hasNext()) {
      Pending oldest = oldestFirst.next();
      oldestFirst.remove();
      close(oldest);
    }
  }

  private void read(Pending pending) {
    try {
      ByteBuffer into = pending.refused ? sink.clear() : pending.received;
      int read = pending.socket.read(into);
      if (read >= 0) {
        // One that sends more than a first frame is not read any further by this.
        boolean full = !pending.refused && !pending.received.hasRemaining();
        pending.socket.keyFor(selector).interestOps(full ? 0 : SelectionKey.OP_READ);
        return;
      }
    } catch (IOException e) {
      log.debug("{}: a connection broke: {}", uri, e.getMessage());
    }
    waiting.remove(pending);
    close(pending);
  }

  private void dropExpired() {
    long now = System.nanoTime();
    for (Iterator<Pending> all = waiting.iterator(); all.hasNext(); ) {
      Pending pending = all.next();
      if (pending.deadline - now <= 0) {
        all.remove();
        close(pending);
      }
    }
  }

  private void close(Pending pending) {
    try {
      pending.socket.close();
    } catch (IOException e) {
      log.debug("{}: a connection cannot be closed: {}", uri, e.getMessage());
    }
  }

  /** Closes all connections that wait. */
  void dropAll() throws IOException {
    waiting.forEach(this::close);
    waiting.clear();
    // A socket is not really closed before its selector has let go of it.
    selector.selectNow();
  }

  /** Makes {@link #next} return. Any thread. */
  void wakeUp() {
    selector.wakeup();
  }

  /** Closes all connections that wait; the listening socket stays open. */
  @Override
  public void close() throws IOException {
    try (selector) {
      dropAll();
    }
  }
}
