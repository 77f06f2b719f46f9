package dev.ballast.tools.lab;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Tells whose process is at the other end of a TCP connection over 127.0.0.1. */
final class LoopbackPeer {
  /** Sockets of both families, since one of IPv6 can have addresses of IPv4. */
  private static final List<Path> SOCKETS =
      List.of(Path.of("/proc/net/tcp"), Path.of("/proc/net/tcp6"));

  /** How an address of either ends. */
  private static final String LOOPBACK = "0100007F:%04X";

  /** Columns of {@link #SOCKETS}, proc_pid_net(5). */
  private static final int LOCAL = 1;

  private static final int REMOTE = 2;
  private static final int UID = 7;

  private LoopbackPeer() {}

  /** Returns whether the other end's socket was made by the user of this process. */
  static boolean isOfThisUser(SocketChannel channel) throws IOException {
    List<String> sockets = new ArrayList<>();
    for (Path file : SOCKETS) {
      if (Files.exists(file)) {
        sockets.addAll(Files.readAllLines(file));
      }
    }
    return ownerOf(port(channel.getRemoteAddress()), port(channel.getLocalAddress()), sockets)
        .equals(String.valueOf(Files.getAttribute(Path.of("/proc/self"), "unix:uid")));
  }

  /** Returns the user of the socket with these two ports, or nothing if there is none. */
  static String ownerOf(int local, int remote, List<String> sockets) {
    String from = String.format(Locale.ROOT, LOOPBACK, local);
    String to = String.format(Locale.ROOT, LOOPBACK, remote);
    return sockets.stream()
        .map(line -> line.strip().split("\\s+"))
        .filter(
            line -> line.length > UID && line[LOCAL].endsWith(from) && line[REMOTE].endsWith(to))
        .map(line -> line[UID])
        .findFirst()
        .orElse("");
  }

  private static int port(SocketAddress address) {
    return ((InetSocketAddress) address).getPort();
  }
}
