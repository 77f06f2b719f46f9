package dev.ballast.vmm.device;

import dev.ballast.vmm.device.OutputBuffer.WhenFull;
import dev.ballast.vmm.socket.SocketFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A line to whoever connects to a unix socket, one client at a time; the next one waits. The last
 * 64 KiB of output are kept for the next client; a client that is too slow misses the oldest
 * output.
 */
public final class UnixSocketSerialBackend extends BufferedSerialBackend {
  private static final Logger LOG = LoggerFactory.getLogger(UnixSocketSerialBackend.class);
  private static final int CHUNK = 1 << 10;

  private final Path path;
  private final SocketFile server;
  private @Nullable SocketChannel client;
  private boolean closing;

  private UnixSocketSerialBackend(Path path, SocketFile server) {
    super(path.toString(), WhenFull.DROP_OLDEST);
    this.path = path;
    this.server = server;
  }

  /**
   * Listens; only this user can connect. A socket file that nobody listens on any more is replaced.
   *
   * @param path where to make the socket, at most 107 bytes; its directory has at most 98
   * @throws IOException if the path is in use or cannot be made; the message is complete
   */
  public static UnixSocketSerialBackend listen(Path path) throws IOException {
    return new UnixSocketSerialBackend(path, SocketFile.listen(path, 1));
  }

  @Override
  public synchronized String filename() {
    return (client == null ? "disconnected:" : "") + "unix:" + path + ",server=on";
  }

  @Override
  synchronized void awaitReceiver() throws InterruptedException {
    while (client == null && !closing) {
      wait();
    }
  }

  @Override
  void write(byte[] bytes, int length) throws InterruptedException {
    ByteBuffer rest = ByteBuffer.wrap(bytes, 0, length);
    while (rest.hasRemaining()) {
      awaitReceiver();
      SocketChannel to = client();
      if (to == null) {
        return; // closing, and nobody is there
      }
      try {
        to.write(rest);
      } catch (IOException e) {
        LOG.debug("{}: client is gone: {}", path, e.getMessage());
        disconnect(to);
      }
    }
  }

  @Override
  void readAll(Line line) throws IOException, InterruptedException {
    while (true) {
      SocketChannel accepted;
      try {
        accepted = server.channel().accept();
      } catch (ClosedChannelException e) {
        LOG.debug("{}: closed", path);
        return;
      }
      connect(accepted);
      try {
        serve(accepted, line);
      } finally {
        disconnect(accepted);
      }
    }
  }

  private void serve(SocketChannel from, Line line) throws InterruptedException {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
    try {
      while (from.read(chunk) >= 0) {
        line.receive(chunk.array(), chunk.position());
        chunk.clear();
      }
    } catch (IOException e) {
      LOG.debug("{}: client is gone: {}", path, e.getMessage());
    }
  }

  private synchronized @Nullable SocketChannel client() {
    return client;
  }

  private synchronized void connect(SocketChannel accepted) {
    client = accepted;
    notifyAll();
  }

  private void disconnect(SocketChannel gone) {
    synchronized (this) {
      if (client == gone) {
        client = null;
      }
    }
    try {
      gone.close();
    } catch (IOException e) {
      LOG.debug("{}: close: {}", path, e.getMessage());
    }
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
  void release() throws IOException {
    server.close();
    SocketChannel last = client();
    if (last != null) {
      disconnect(last);
    }
  }
}
