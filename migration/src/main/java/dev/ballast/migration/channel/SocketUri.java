package dev.ballast.migration.channel;

import java.io.IOException;
import java.net.ProtocolFamily;
import java.nio.channels.SocketChannel;

/** The address of a stream socket. */
public sealed interface SocketUri extends MigrationUri permits MigrationUri.Unix, MigrationUri.Tcp {
  /** Returns the protocol family of the socket. */
  ProtocolFamily family();

  /**
   * Connects a socket of this {@link #family}.
   *
   * @return as {@link SocketChannel#connect}
   * @throws IOException as {@link SocketChannel#connect}, or if there is no such host or file
   */
  boolean connect(SocketChannel channel) throws IOException;
}
