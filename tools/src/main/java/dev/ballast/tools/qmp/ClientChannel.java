package dev.ballast.tools.qmp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/**
 * The connection of a client, whose reader can be told to take what has arrived and no more: {@link
 * SocketChannel#shutdownInput} would discard it. One thread reads and one writes.
 */
final class ClientChannel implements ReadableByteChannel {
  private final SocketChannel channel;
  private final Selector readable;
  private final Selector writable;
  private volatile boolean draining;

  /**
   * @param channel the connection; closed by this
   */
  ClientChannel(SocketChannel channel) throws IOException {
    this.channel = channel;
    channel.configureBlocking(false);
    readable = Selector.open();
    channel.register(readable, SelectionKey.OP_READ);
    writable = Selector.open();
    channel.register(writable, SelectionKey.OP_WRITE);
  }

  /** Waits for input. Returns -1 at the end of the stream, or of what had arrived when draining. */
  @Override
  public int read(ByteBuffer buffer) throws IOException {
    while (true) {
      // Looked at first: what arrives before draining begins is still read.
      boolean last = draining;
      int count = channel.read(buffer);
      if (count != 0) {
        return count;
      }
      if (last) {
        return -1;
      }
      await(readable);
    }
  }

  /** Writes all of a buffer; waits where the client does not read. */
  void write(ByteBuffer buffer) throws IOException {
    while (true) {
      channel.write(buffer);
      if (!buffer.hasRemaining()) {
        return;
      }
      await(writable);
      if (Thread.currentThread().isInterrupted()) {
        throw new AsynchronousCloseException();
      }
    }
  }

  private static void await(Selector selector) throws IOException {
    try {
      selector.select();
      selector.selectedKeys().clear();
    } catch (ClosedSelectorException e) {
      throw new IOException("the connection was closed", e);
    }
  }

  /** Has the reader take what has arrived, and then see the end. Any thread; never blocks. */
  void drain() {
    draining = true;
    readable.wakeup();
  }

  @Override
  public boolean isOpen() {
    return channel.isOpen();
  }

  /** Ends the connection and a read that waits. Any thread. */
  @Override
  public void close() throws IOException {
    channel.close();
    readable.close();
    writable.close();
  }
}
