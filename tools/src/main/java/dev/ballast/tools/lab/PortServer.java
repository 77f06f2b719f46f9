package dev.ballast.tools.lab;

import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.EnumMap;
import java.util.Map;

/** Listens until the emulator has connected each of its ports. For one thread. */
final class PortServer implements AutoCloseable {
  /** Whether a connection is taken. */
  @FunctionalInterface
  interface Filter {
    boolean accepts(SocketChannel channel) throws IOException;
  }

  private static final int POLL_MILLIS = 100;

  private final Selector selector = Selector.open();
  private final Map<LabMachine.Port, ServerSocketChannel> servers =
      new EnumMap<>(LabMachine.Port.class);

  PortServer() throws IOException {}

  /**
   * Listens for a port's connection and returns the address, which {@code address} may leave open.
   */
  SocketAddress listen(LabMachine.Port port, ServerSocketChannel server, SocketAddress address)
      throws IOException {
    servers.put(port, server);
    server.bind(address);
    server.configureBlocking(false).register(selector, SelectionKey.OP_ACCEPT);
    return server.getLocalAddress();
  }

  /**
   * Waits for all connections.
   *
   * @param filter connections that it does not accept are closed, and waited for on
   * @throws LabException if the process dies before that
   */
  Map<LabMachine.Port, SocketChannel> accept(LabProcess process, Filter filter) throws IOException {
    Map<LabMachine.Port, SocketChannel> channels = new EnumMap<>(LabMachine.Port.class);
    boolean complete = false;
    try {
      while (channels.size() < servers.size()) {
        selector.select(POLL_MILLIS);
        selector.selectedKeys().clear();
        for (Map.Entry<LabMachine.Port, ServerSocketChannel> server : servers.entrySet()) {
          SocketChannel channel = server.getValue().accept();
          if (channel != null
              && !channels.containsKey(server.getKey())
              && filter.accepts(channel)) {
            channels.put(server.getKey(), channel);
          } else if (channel != null) {
            channel.close();
          }
        }
        if (!process.isAlive()) {
          throw process.died();
        }
      }
      complete = true;
      return channels;
    } finally {
      if (!complete) {
        closeAll(channels);
      }
    }
  }

  static void closeAll(Map<LabMachine.Port, SocketChannel> channels) throws IOException {
    for (SocketChannel channel : channels.values()) {
      channel.close();
    }
  }

  @Override
  public void close() throws IOException {
    for (ServerSocketChannel server : servers.values()) {
      server.close();
    }
    selector.close();
  }
}
