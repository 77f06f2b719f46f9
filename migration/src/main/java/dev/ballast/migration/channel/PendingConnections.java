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
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of a listening socket that have not introduced themselves yet. All are served at
 * the same time, so that none delays another, however slow it is. Each has a deadline and a buffer
 * for what it has sent; if there are too many connections, or too many bytes, the oldest is
 * dropped. One thread; {@link #wakeUp} is for any.
 */
final class PendingConnections implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(PendingConnections.class);

  /** The most connections that are pending at a time. */
  static final int MAX_PENDING = 256;

  /**
   * The most connections taken from the socket's queue before the pending ones are served again.
   */
  private static final int ACCEPT_AT_ONCE = 64;

  /** How long a refused peer may take to read the reason and to close. */
  private static final long LINGER_NANOS = 2_000_000_000L;

  /**
   * How long to accept nothing after accepting has failed, most likely for want of file
   * descriptors.
   */
  private static final long RETRY_NANOS = 100_000_000L;

  /** Between two lines in the log about that. */
  private static final long COMPLAINT_NANOS = 60_000_000_000L;

  private static final long NANOS_PER_MILLI = 1_000_000L;
  private static final int SINK_BYTES = 4 << 10;
  private static final int FIRST_BYTES = 128;

  /** The most bytes that the buffers of all pending connections may take. */
  private static final int MAX_TOTAL_BYTES = 8 << 20;

  /** A connection, and what it has sent. */
  private static final class Pending {
    final SocketChannel socket;

    /** Its introduction; null if it was refused. */
    Opening.@Nullable Introduction introduction;

    ByteBuffer received = ByteBuffer.allocate(FIRST_BYTES);
    long deadline;

    Pending(SocketChannel socket, @Nullable Opening opening, long deadline) {
      this.socket = socket;
      this.introduction = opening == null ? null : opening.begin();
      this.deadline = deadline;
    }
  }

  private final SocketUri uri;
  private final ServerSocketChannel server;
  private final SelectorProvider selectors;
  private final Selector selector;
  private final SelectionKey acceptKey;
  private final Set<Pending> waiting = new LinkedHashSet<>();
  private final ByteBuffer sink = ByteBuffer.allocate(SINK_BYTES);
  private long lastComplaint;
  private long acceptAgainAt;

  /**
   * @param uri for messages
   * @param server not blocking; not closed by this
   * @param selectors where selectors come from
   * @throws IOException if the host has no descriptors for a selector
   */
  PendingConnections(SocketUri uri, ServerSocketChannel server, SelectorProvider selectors)
      throws IOException {
    this.uri = uri;
    this.server = server;
    this.selectors = selectors;
    this.selector = selectors.openSelector();
    this.acceptKey = server.register(selector, SelectionKey.OP_ACCEPT);
  }

  /**
   * Waits for a connection whose introduction is complete.
   *
   * @param opening what it has to send
   * @param patience how long a connection may take to send it
   * @param millis how long to wait at most; 0 waits until something happens
   * @return the connection, from which the introduction is read again; null if none is ready yet
   * @throws IOException if the socket was closed
   */
  @Nullable SocketMigrationChannel next(Opening opening, Duration patience, long millis)
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

  private @Nullable SocketMigrationChannel handOut(Pending ready) throws IOException {
    waiting.remove(ready);
    ready.socket.keyFor(selector).cancel();
    // Only now is the socket free to be registered with another selector.
    selector.selectNow();
    try {
      return new SocketMigrationChannel(uri, ready.socket, ready.received.flip(), selectors);
    } catch (IOException e) {
      pauseAccepting(e);
      return null;
    }
  }

  private @Nullable Pending findReady(Opening opening) {
    for (Pending pending : List.copyOf(waiting)) {
      if (waiting.contains(pending) && isReady(pending, opening)) {
        return pending;
      }
    }
    return null;
  }

  /**
   * Continues an introduction as far as the received bytes allow; returns whether it is complete
   * and due.
   */
  private boolean isReady(Pending pending, Opening opening) {
    Opening.Introduction introduction = pending.introduction;
    if (introduction == null) {
      return false;
    }
    try {
      while (true) {
        ByteBuffer said = pending.received.asReadOnlyBuffer().flip();
        int wanted = introduction.bytesWanted(said);
        if (said.remaining() < wanted) {
          makeRoom(pending, wanted);
          return false;
        }
        ByteBuffer answer = introduction.answer();
        if (answer == null) {
          return opening.isDue(introduction);
        }
        say(pending, answer);
      }
    } catch (IOException e) {
      refuse(pending, opening.refuse(e));
      return false;
    }
  }

  private void makeRoom(Pending pending, int wanted) throws IOException {
    if (wanted > pending.received.capacity()) {
      pending.received = ByteBuffer.allocate(wanted).put(pending.received.flip());
      while (waiting.size() > 1 && totalBytes() > MAX_TOTAL_BYTES) {
        dropOldestBut(pending);
      }
    }
    pending.socket.keyFor(selector).interestOps(SelectionKey.OP_READ);
  }

  private long totalBytes() {
    return waiting.stream().mapToLong(pending -> pending.received.capacity()).sum();
  }

  /** Nothing was written to it before, so that the socket has room. */
  private void say(Pending pending, ByteBuffer answer) throws IOException {
    pending.socket.write(answer);
    if (answer.hasRemaining()) {
      throw new IOException(uri + ": a connection takes no answer");
    }
  }

  /**
   * Closing at once could lose the answer: it is closed once the peer has closed, or after a
   * timeout.
   */
  private void refuse(Pending pending, ByteBuffer answer) {
    pending.introduction = null;
    pending.deadline = System.nanoTime() + LINGER_NANOS;
    try {
      pending.socket.keyFor(selector).interestOps(SelectionKey.OP_READ);
      pending.socket.write(answer);
      pending.socket.shutdownOutput();
    } catch (IOException e) {
      log.debug("{}: a refused connection is gone: {}", uri, e.getMessage());
      pending.deadline = System.nanoTime();
    }
  }

  /** Keeps a connection that was refused after it had been handed out, until its peer closes. */
  void linger(SocketMigrationChannel refused) {
    try {
      SocketChannel socket = refused.release();
      try {
        Pending pending = new Pending(socket, null, System.nanoTime() + LINGER_NANOS);
        socket.register(selector, SelectionKey.OP_READ, pending);
        waiting.add(pending);
      } catch (IOException e) {
        socket.close();
        throw e;
      }
    } catch (IOException e) {
      log.debug("{}: a refused connection is gone: {}", uri, e.getMessage());
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
      } catch (ClosedChannelException e) {
        throw e;
      } catch (IOException e) {
        pauseAccepting(e);
        return;
      }
    }
  }

  private void add(SocketChannel accepted, Opening opening, Duration patience) throws IOException {
    Pending pending = new Pending(accepted, opening, System.nanoTime() + patience.toNanos());
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
    long now = System.nanoTime();
    if (lastComplaint == 0 || now - lastComplaint > COMPLAINT_NANOS) {
      lastComplaint = now;
      log.warn("{}: cannot take a connection: {}", uri, e.getMessage());
    }
    acceptKey.interestOps(0);
    acceptAgainAt = System.nanoTime() + RETRY_NANOS;
    dropOldest();
  }

  private void dropOldest() {
    dropOldestBut(null);
  }

  private void dropOldestBut(@Nullable Pending kept) {
    for (Iterator<Pending> oldestFirst = waiting.iterator(); oldestFirst.hasNext(); ) {
      Pending oldest = oldestFirst.next();
      if (oldest != kept) {
        oldestFirst.remove();
        close(oldest);
        return;
      }
    }
  }

  private void read(Pending pending) {
    try {
      boolean refused = pending.introduction == null;
      ByteBuffer into = refused ? sink.clear() : pending.received;
      int read = pending.socket.read(into);
      if (read >= 0) {
        // What is sent beyond the bytes wanted is not read here.
        boolean full = !refused && !pending.received.hasRemaining();
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

  /** Closes all pending connections. */
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

  /** Closes all pending connections; the listening socket stays open. */
  @Override
  public void close() throws IOException {
    try (selector) {
      if (selector.isOpen()) {
        dropAll();
      }
    }
  }
}
