package dev.ballast.migration.channel;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A Unix socket that listens, and whose queue of clients is full. */
final class FullListener implements AutoCloseable {
  private final MigrationUri.Unix uri;
  private final ServerSocketChannel server;
  private final List<SocketChannel> sockets = new ArrayList<>();

  private FullListener(MigrationUri.Unix uri, ServerSocketChannel server) {
    this.uri = uri;
    this.server = server;
  }

  static FullListener at(Path path) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(path), 1);
    FullListener listener = new FullListener(new MigrationUri.Unix(path), server);
    listener.fill();
    return listener;
  }

  private void fill() throws IOException {
    while (true) {
      SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
      client.configureBlocking(false);
      sockets.add(client);
      try {
        client.connect(UnixDomainSocketAddress.of(uri.path()));
      } catch (IOException _) {
        return;
      }
    }
  }

  MigrationUri.Unix uri() {
    return uri;
  }

  /** Accepts those that wait, so that there is room. */
  void acceptAll() throws IOException {
    long waiting = sockets.stream().filter(SocketChannel::isConnected).count();
    for (long i = 0; i < waiting; i++) {
      accept();
    }
  }

  /** Accepts the next one; it is closed with this. */
  SocketChannel accept() throws IOException {
    SocketChannel accepted = server.accept();
    sockets.add(accepted);
    return accepted;
  }

  @Override
  public void close() throws IOException {
    for (SocketChannel socket : sockets) {
      socket.close();
    }
    server.close();
  }
}
