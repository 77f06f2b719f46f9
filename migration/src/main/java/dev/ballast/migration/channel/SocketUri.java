package dev.ballast.migration.channel;

import java.io.IOException;
import java.net.ProtocolFamily;
import java.nio.channels.SocketChannel;

/** Where stream sockets are connected to or listen. */
public sealed interface SocketUri extends MigrationUri permits MigrationUri.Unix, MigrationUri.Tcp {
  /** Returns the kind of socket. */
  ProtocolFamily family();

  /**
   * Connects a socket of this {@link #family}.
   *
   * @return as {@link SocketChannel#connect}
   * @throws IOException as that, or if there is no such host or file
   */
  boolean connect(SocketChannel channel) throws IOException;
}
