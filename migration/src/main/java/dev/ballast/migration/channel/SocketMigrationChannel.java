package dev.ballast.migration.channel;

import dev.ballast.vmm.thread.Deadline;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A stream socket, TCP or Unix, as {@link MigrationChannel}. */
@SuppressWarnings("NonAtomicVolatileUpdate") // one thread counts
final class SocketMigrationChannel implements MigrationChannel {
  private static final Logger log = LoggerFactory.getLogger(SocketMigrationChannel.class);
  private static final long NANOS_PER_MILLI = 1_000_000L;
  private static final int DRAIN_BYTES = 64 << 10;
  private static final long DRAIN_MILLIS = 2_000;

  private final SocketUri uri;
  private final CancellableSocket socket;

  /** What had been read from the socket before this channel was created. */
  private final ByteBuffer readAhead;

  private final BandwidthLimit limit = new BandwidthLimit();
  private long silenceMillis = 30_000;
  private @Nullable Deadline deadline;
  private boolean partlyWritten;
  private volatile long bytesRead;
  private volatile long bytesWritten;

  /**
   * Takes over a socket.
   *
   * @param uri for messages
   * @param socket closed with this, and if this throws
   * @param readAhead what has been read from it already; reads return it first
   * @param selectors where the selector comes from
   */
  SocketMigrationChannel(
      SocketUri uri, SocketChannel socket, ByteBuffer readAhead, SelectorProvider selectors)
      throws IOException {
    this.uri = uri;
    this.socket = new CancellableSocket(uri, socket, selectors);
    this.readAhead = readAhead;
  }

  static SocketMigrationChannel open(SocketUri uri) throws IOException {
    return new SocketMigrationChannel(
        uri, SocketChannel.open(uri.family()), ByteBuffer.allocate(0), SelectorProvider.provider());
  }

  @Override
  public MigrationUri uri() {
    return uri;
  }

  @Override
  public void connect(Duration timeout) throws IOException {
    socket.connect(timeout);
  }

  @Override
  public boolean isConnected() {
    return socket.channel().isConnected();
  }

  @Override
  public void silenceTimeout(Duration timeout) {
    silenceMillis = timeout.toMillis();
  }

  @Override
  public void deadline(Duration timeout) {
    deadline = timeout.isZero() ? null : Deadline.after(timeout);
  }

  @Override
  public void maxBandwidth(long bytesPerSecond) {
    limit.set(bytesPerSecond);
  }

  @Override
  public void cancel() {
    socket.cancel();
  }

  @Override
  public void checkCancelled() throws CancelledException {
    socket.checkCancelled();
  }

  @Override
  public long bytesRead() {
    return bytesRead;
  }

  @Override
  public long bytesWritten() {
    return bytesWritten;
  }

  @Override
  public void write(ByteBuffer... buffers) throws IOException {
    checkCancelled();
    ByteBuffer last = buffers[buffers.length - 1];
    partlyWritten = true;
    while (last.hasRemaining()) {
      long now = System.nanoTime();
      for (long pause = limit.pause(now); pause > 0; pause = limit.pause(now)) {
        socket.await(0, pause / NANOS_PER_MILLI + 1);
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

  /**
   * With a limit, writes at most the bytes of a tenth of a second, so that the peer does not wait
   * longer for each piece.
   */
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
      long written = socket.channel().write(buffers, 0, last + 1);
      bytesWritten += written;
      return written;
    } catch (IOException e) {
      throw broken(e);
    } finally {
      cut.limit(end);
    }
  }

  @Override
  public boolean writeLast(ByteBuffer message) {
    if (partlyWritten || !isConnected()) {
      return false;
    }
    partlyWritten = true;
    limit.set(0);
    try {
      writeSome(message);
      socket.channel().shutdownOutput();
    } catch (IOException _) {
      return false;
    }
    return !message.hasRemaining();
  }

  @Override
  public void drain() {
    ByteBuffer sink = ByteBuffer.allocate(DRAIN_BYTES);
    Deadline end = Deadline.afterMillis(DRAIN_MILLIS);
    try {
      while (!end.isOver() && socket.channel().read(sink.clear()) >= 0) {
        socket.await(SelectionKey.OP_READ, DRAIN_MILLIS / 10);
      }
    } catch (IOException e) {
      log.debug("{}: the peer is gone: {}", uri, e.getMessage());
    }
  }

  @Override
  public void readSome(ByteBuffer into) throws IOException {
    while (readAvailable(into) == 0) {
      waitFor(SelectionKey.OP_READ, "sent");
    }
  }

  @Override
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
      read = socket.channel().read(into);
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
    if (deadline != null && deadline.isOver()) {
      throw new SocketTimeoutException(uri + ": the other side did not come to the point in time");
    }
  }

  private void waitFor(int operation, String verb) throws IOException {
    long start = System.nanoTime();
    long patience = silenceMillis;
    if (deadline != null) {
      checkDeadline();
      patience = Math.max(1, Math.min(patience, deadline.millisLeft()));
    }
    boolean ready = socket.await(operation, patience);
    if (!ready && System.nanoTime() - start >= silenceMillis * NANOS_PER_MILLI) {
      throw new SocketTimeoutException(
          uri + ": the other side " + verb + " nothing for " + silenceMillis + " ms");
    }
  }

  private IOException broken(IOException cause) {
    return new IOException(uri + ": the connection broke: " + cause.getMessage(), cause);
  }

  /**
   * Gives up ownership of the socket; {@link #close} does nothing afterwards.
   *
   * @return the socket, non-blocking and not registered with a selector
   */
  SocketChannel release() throws IOException {
    return socket.release();
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      log.warn("{}: the socket cannot be closed", uri, e);
    }
  }
}
