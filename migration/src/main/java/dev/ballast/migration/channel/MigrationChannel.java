package dev.ballast.migration.channel;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connected stream socket that a migration goes over. Calls wait until all is read or written,
 * until nothing has moved for the silence timeout, or until {@link #cancel}. One thread uses it;
 * {@code cancel}, the counters and the limits may be used by any.
 */
@SuppressWarnings("NonAtomicVolatileUpdate") // one thread counts
public final class MigrationChannel implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(MigrationChannel.class);
  private static final long NANOS_PER_MILLI = 1_000_000L;
  private static final int UNIX_SEND_BUFFER = 4 << 20;
  private static final int DRAIN_BYTES = 64 << 10;
  private static final long DRAIN_MILLIS = 2_000;

  private final MigrationUri uri;
  private final SocketChannel socket;
  private final Selector selector;
  private final SelectionKey key;

  /** What was read from the socket before this took it over. */
  private final ByteBuffer readAhead;

  private final BandwidthLimit limit = new BandwidthLimit();
  private long silenceMillis = 30_000;

  /**
   * By {@link System#nanoTime}, when the calls of {@link #deadline} have to be over; 0 for never.
   */
  private long deadline;

  private boolean partlyWritten;
  private boolean released;
  private volatile boolean cancelled;
  private volatile long bytesRead;
  private volatile long bytesWritten;

  /**
   * Takes over a socket.
   *
   * @param uri for messages
   * @param socket closed with this, and if this throws
   * @param readAhead what was read from it already, and is read again from this
   * @param selectors where the selector comes from
   */
  MigrationChannel(
      MigrationUri uri, SocketChannel socket, ByteBuffer readAhead, SelectorProvider selectors)
      throws IOException {
    this.uri = uri;
    this.socket = socket;
    this.readAhead = readAhead;
    boolean ready = false;
    try {
      socket.configureBlocking(false);
      if (uri.family() == StandardProtocolFamily.UNIX) {
        // The kernel allows net.core.wmem_max of it; with more, the sides wait less often.
        socket.setOption(StandardSocketOptions.SO_SNDBUF, UNIX_SEND_BUFFER);
      } else {
        socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
      }
      this.selector = selectors.openSelector();
      this.key = socket.register(selector, 0);
      ready = true;
    } finally {
      if (!ready) {
        socket.close();
      }
    }
  }

  /** Makes a channel that {@link #connect} connects. */
  public static MigrationChannel open(MigrationUri uri) throws IOException {
    return new MigrationChannel(
        uri, SocketChannel.open(uri.family()), ByteBuffer.allocate(0), SelectorProvider.provider());
  }

  /**
   * Connects.
   *
   * @throws IOException with a message for the user: nobody listens, no such host, no answer in
   *     time
   */
  public void connect(Duration timeout) throws IOException {
    long end = System.nanoTime() + timeout.toNanos();
    try {
      boolean connected =
          switch (uri) {
            case MigrationUri.Unix unix -> unix.connect(socket);
            case MigrationUri.Tcp tcp -> socket.connect(lookUp(tcp, end, timeout));
          };
      while (!connected) {
        await(SelectionKey.OP_CONNECT, millisUntil(end, timeout));
        connected = socket.finishConnect();
      }
    } catch (java.net.ConnectException e) {
      throw new IOException(
          uri + ": connection refused; is the destination waiting with --incoming?", e);
    } catch (java.net.SocketException e) {
      String what = String.valueOf(e.getMessage());
      boolean missing = what.contains("No such file");
      throw new IOException(
          uri
              + (missing
                  ? ": no such socket; is the destination waiting with --incoming?"
                  : ": cannot connect: " + what),
          e);
    }
  }

  private long millisUntil(long end, Duration timeout) throws SocketTimeoutException {
    long left = end - System.nanoTime();
    if (left <= 0) {
      throw new SocketTimeoutException(uri + ": no connection after " + timeout.toMillis() + " ms");
    }
    return left / NANOS_PER_MILLI + 1;
  }

  /** A name server may take its time, and a look-up cannot be interrupted: it is left behind. */
  private SocketAddress lookUp(MigrationUri.Tcp tcp, long end, Duration timeout)
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
      await(0, millisUntil(end, timeout));
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

  /** Returns the URI it was made with. */
  public MigrationUri uri() {
    return uri;
  }

  /**
   * Sets after how long without a single byte moved a read or write fails.
   *
   * @param timeout at least a millisecond
   */
  public void silenceTimeout(Duration timeout) {
    silenceMillis = timeout.toMillis();
  }

  /**
   * Sets when reads and writes have to be over, however much moves.
   *
   * @param timeout from now on; zero is no deadline
   */
  public void deadline(Duration timeout) {
    deadline = timeout.isZero() ? 0 : System.nanoTime() + timeout.toNanos();
  }

  /**
   * Limits how fast bytes are written. Any thread.
   *
   * @param bytesPerSecond 0 is no limit
   */
  public void maxBandwidth(long bytesPerSecond) {
    limit.set(bytesPerSecond);
  }

  /**
   * Makes the call that is under way, and each later one, fail with {@link CancelledException}. Any
   * thread.
   */
  public void cancel() {
    cancelled = true;
    selector.wakeup();
  }

  /** Returns whether {@link #connect} has succeeded. */
  public boolean isConnected() {
    return socket.isConnected();
  }

  /** Returns how many bytes were read. Any thread. */
  public long bytesRead() {
    return bytesRead;
  }

  /** Returns how many bytes were written. Any thread. */
  public long bytesWritten() {
    return bytesWritten;
  }

  /** Waits until the socket is ready for {@code operation} or {@code millis} have passed. */
  private boolean await(int operation, long millis) throws IOException {
    checkCancelled();
    key.interestOps(operation);
    boolean ready = selector.select(millis) > 0;
    selector.selectedKeys().clear();
    checkCancelled();
    return ready;
  }

  /**
   * Does nothing unless {@link #cancel} was called.
   *
   * @throws CancelledException if it was
   */
  public void checkCancelled() throws CancelledException {
    if (cancelled) {
      throw new CancelledException();
    }
  }

  /** Writes all that remains in the buffers, one after the other. */
  public void write(ByteBuffer... buffers) throws IOException {
    checkCancelled();
    ByteBuffer last = buffers[buffers.length - 1];
    partlyWritten = true;
    while (last.hasRemaining()) {
      long now = System.nanoTime();
      for (long pause = limit.pause(now); pause > 0; pause = limit.pause(now)) {
        await(0, pause / NANOS_PER_MILLI + 1);
        now = System.nanoTime();
      }
      long written = writeSome(buffers);
      if (written > 0) {
        limit.written(written, now);
      } else {
        waitFor(SelectionKey.OP_WRITE, "takes");
      }
    }
    partlyWritten = false;
  }

  /** With a limit, at most a tenth of a second's worth: the peer waits for each piece. */
  private long writeSome(ByteBuffer... buffers) throws IOException {
    long room = limit.atOnce();
    int last = 0;
    while (last < buffers.length - 1 && buffers[last].remaining() < room) {
      room -= buffers[last].remaining();
      last++;
    }
    ByteBuffer cut = buffers[last];
    int end = cut.limit();
    cut.limit(cut.position() + (int) Math.min(cut.remaining(), room));
    try {
      long written = socket.write(buffers, 0, last + 1);
      bytesWritten += written;
      return written;
    } catch (IOException e) {
      throw broken(e);
    } finally {
      cut.limit(end);
    }
  }

  /**
   * Tries to write a last message, without waiting and in spite of {@link #cancel}. Does nothing if
   * the write before it ended half-way, because the peer would take the message for the rest of
   * that.
   *
   * @return whether all of it was handed to the socket
   */
  public boolean writeLast(ByteBuffer message) {
    if (partlyWritten || !socket.isConnected()) {
      return false;
    }
    partlyWritten = true;
    limit.set(0);
    try {
      writeSome(message);
      socket.shutdownOutput();
    } catch (IOException gone) {
      return false;
    }
    return !message.hasRemaining();
  }

  /**
   * Reads what the peer still sends and forgets it, until the peer closes: a connection that is
   * closed with unread data in it is reset, and the peer may lose the last message to it.
   */
  public void drain() {
    ByteBuffer sink = ByteBuffer.allocate(DRAIN_BYTES);
    long deadline = System.nanoTime() + DRAIN_MILLIS * NANOS_PER_MILLI;
    try {
      while (System.nanoTime() < deadline && socket.read(sink.clear()) >= 0) {
        await(SelectionKey.OP_READ, DRAIN_MILLIS / 10);
      }
    } catch (IOException gone) {
      sink.clear();
    }
  }

  /** Reads until the buffer is full. */
  public void read(ByteBuffer into) throws IOException {
    while (into.hasRemaining()) {
      readSome(into);
    }
  }

  /** Reads at least one byte. */
  public void readSome(ByteBuffer into) throws IOException {
    while (readAvailable(into) == 0) {
      waitFor(SelectionKey.OP_READ, "sent");
    }
  }

  /**
   * Reads what is there, perhaps nothing.
   *
   * @return how many bytes were read
   * @throws EOFException if the peer closed the connection
   */
  public int readAvailable(ByteBuffer into) throws IOException {
    checkCancelled();
    checkDeadline();
    int read = Math.min(readAhead.remaining(), into.remaining());
    if (read > 0) {
      into.put(into.position(), readAhead, readAhead.position(), read);
      readAhead.position(readAhead.position() + read);
      into.position(into.position() + read);
      bytesRead += read;
      return read;
    }
    try {
      read = socket.read(into);
    } catch (IOException e) {
      throw broken(e);
    }
    if (read < 0) {
      throw new EOFException(uri + ": the other side closed the connection");
    }
    bytesRead += read;
    return read;
  }

  private void checkDeadline() throws SocketTimeoutException {
    if (deadline != 0 && deadline - System.nanoTime() <= 0) {
      throw new SocketTimeoutException(uri + ": the other side did not come to the point in time");
    }
  }

  private void waitFor(int operation, String verb) throws IOException {
    long start = System.nanoTime();
    long patience = silenceMillis;
    if (deadline != 0) {
      checkDeadline();
      patience = Math.min(patience, (deadline - start) / NANOS_PER_MILLI + 1);
    }
    boolean ready = await(operation, patience);
    if (!ready && System.nanoTime() - start >= silenceMillis * NANOS_PER_MILLI) {
      throw new SocketTimeoutException(
          uri + ": the other side " + verb + " nothing for " + silenceMillis + " ms");
    }
  }

  private IOException broken(IOException cause) {
    return new IOException(uri + ": the connection broke: " + cause.getMessage(), cause);
  }

  /**
   * Gives the socket away; {@link #close} does nothing any more.
   *
   * @return not blocking, and registered with no selector
   */
  SocketChannel release() throws IOException {
    released = true;
    selector.close();
    return socket;
  }

  /**
   * Closes the connection. Only for the thread that uses it; others {@link #cancel}. A failure is
   * only logged: by now it changes nothing about where the guest is.
   */
  @Override
  public void close() {
    if (released) {
      return;
    }
    try (socket) {
      selector.close();
    } catch (IOException e) {
      log.warn("{}: the socket cannot be closed", uri, e);
    }
  }
}
