package dev.ballast.migration.channel;

import dev.ballast.vmm.socket.SocketFile;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** The address that a migration goes to or comes from, in the notation of QMP's {@code migrate}. */
public sealed interface MigrationUri permits SocketUri {
  /**
   * A Unix socket, {@code unix:PATH}.
   *
   * @param path the file of the socket
   */
  record Unix(Path path) implements SocketUri {
    @Override
    public String toString() {
      return "unix:" + path;
    }

    @Override
    public ProtocolFamily family() {
      return StandardProtocolFamily.UNIX;
    }

    @Override
    public boolean connect(SocketChannel channel) throws IOException {
      return SocketFile.connect(channel, path);
    }

    @Override
    public boolean isLocal() {
      return true;
    }
  }

  /**
   * A TCP socket, {@code tcp:HOST:PORT}.
   *
   * @param host a name, an IPv4 address or an IPv6 address without brackets; when listening, empty
   *     is every address of this host
   * @param port 0 to 65535; when listening, 0 is any free port
   */
  record Tcp(String host, int port) implements SocketUri {
    @Override
    public String toString() {
      return "tcp:" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    /**
     * Returns the address to connect to or to listen at.
     *
     * @throws UnknownHostException if there is no such host
     */
    SocketAddress address() throws UnknownHostException {
      if (host.isEmpty()) {
        return new InetSocketAddress(port);
      }
      for (InetAddress address : addresses()) {
        if (family(address) == family()) {
          return new InetSocketAddress(address, port);
        }
      }
      throw new UnknownHostException(
          this + ": " + host + " has only an IPv6 address; write it as tcp:[ADDRESS]:PORT");
    }

    private InetAddress[] addresses() throws UnknownHostException {
      try {
        return InetAddress.getAllByName(host);
      } catch (UnknownHostException e) {
        UnknownHostException named = new UnknownHostException(this + ": there is no host " + host);
        named.initCause(e);
        throw named;
      }
    }

    private static ProtocolFamily family(InetAddress address) {
      return address instanceof Inet6Address
          ? StandardProtocolFamily.INET6
          : StandardProtocolFamily.INET;
    }

    @Override
    public ProtocolFamily family() {
      return host.contains(":") ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET;
    }

    @Override
    public boolean connect(SocketChannel channel) throws IOException {
      return channel.connect(address());
    }

    @Override
    public boolean isLocal() {
      return false;
    }
  }

  /**
   * Returns whether bytes sent there never leave the memory of this host: true for Unix sockets.
   */
  boolean isLocal();

  /**
   * Reads {@code unix:PATH} or {@code tcp:HOST:PORT}.
   *
   * @throws IllegalArgumentException with a message for the user if it is neither
   */
  static MigrationUri parse(String uri) {
    if (uri.startsWith("unix:")) {
      Path path = Path.of(uri.substring("unix:".length()));
      SocketFile.refusal(path)
          .ifPresent(
              reason -> {
                throw new IllegalArgumentException(uri + ": " + reason);
              });
      return new Unix(path);
    }
    if (uri.startsWith("tcp:")) {
      String rest = uri.substring("tcp:".length());
      int colon = rest.lastIndexOf(':');
      if (colon < 0) {
        throw new IllegalArgumentException(uri + ": no port; write tcp:HOST:PORT");
      }
      String host = rest.substring(0, colon);
      if (host.startsWith("[") && host.endsWith("]")) {
        host = host.substring(1, host.length() - 1);
      }
      return new Tcp(host, port(uri, rest.substring(colon + 1)));
    }
    throw new IllegalArgumentException(
        uri + ": not a migration URI; write unix:PATH or tcp:HOST:PORT");
  }

  private static int port(String uri, String text) {
    if (!text.matches("[0-9]{1,5}") || Integer.parseInt(text) > 0xffff) {
      throw new IllegalArgumentException(uri + ": port " + text + " is not 0 to 65535");
    }
    return Integer.parseInt(text);
  }
}
