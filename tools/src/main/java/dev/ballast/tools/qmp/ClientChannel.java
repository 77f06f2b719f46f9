package dev.ballast.tools.qmp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * The connection of a client, whose reader can be told to take what has arrived and no more: {@link
 * SocketChannel#shutdownInput} would discard it. One thread reads and one writes.
 */
final class ClientChannel implements ReadableByteChannel {
  private final SocketChannel channel;
  private final Selector readable;
  private final Selector writable;
  private volatile boolean draining;

  private ClientChannel(SocketChannel channel, Selector readable, Selector writable) {
    this.channel = channel;
    this.readable = readable;
    this.writable = writable;
  }

  /**
   * Takes over a connection.
   *
   * @param channel the connection; closed with the result, and if this fails
   * @throws IOException if the host lacks file descriptors, or the connection is closed
   */
  static ClientChannel of(SocketChannel channel) throws IOException {
    List<Selector> selectors = new ArrayList<>();
    try {
      channel.configureBlocking(false);
      for (int operation : new int[] {SelectionKey.OP_READ, SelectionKey.OP_WRITE}) {
        Selector selector = channel.provider().openSelector();
        selectors.add(selector);
        channel.register(selector, operation);
      }
      return new ClientChannel(channel, selectors.getFirst(), selectors.getLast());
    } catch (IOException e) {
      close(channel, selectors);
      // Not as it is: a closed connection says nothing about the socket it came from.
      throw new IOException("the connection cannot be used: " + e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      close(channel, selectors);
      throw e;
    }
  }

  private static void close(SocketChannel channel, List<Selector> selectors) throws IOException {
    channel.close();
    for (Selector selector : selectors) {
      selector.close();
    }
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
