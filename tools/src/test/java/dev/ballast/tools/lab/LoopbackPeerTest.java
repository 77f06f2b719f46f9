package dev.ballast.tools.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whose connection it is. */
class LoopbackPeerTest {
  /** As in proc_pid_net(5): a listener, a connection's two ends, another connection. */
  private static final List<String> SOCKETS =
      List.of(
          "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
          "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 7",
          "   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000 0 8",
          "   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001 0 9",
          "   3: 0100007F:C351 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0 0 9",
          "   0: 0000000000000000FFFF00000100007F:C353 0000000000000000FFFF00000100007F:1F90 01"
              + " 00000000:00000000 00:00000000 00000000  1002 0 9");

  @Test
  void theOtherEndsOwnerCounts() {
    assertThat(LoopbackPeer.ownerOf(50_000, 8080, SOCKETS)).isEqualTo("1001");
    assertThat(LoopbackPeer.ownerOf(8080, 50_000, SOCKETS)).isEqualTo("1000");
    assertThat(LoopbackPeer.ownerOf(50_001, 8080, SOCKETS)).isEqualTo("0");
    assertThat(LoopbackPeer.ownerOf(50_003, 8080, SOCKETS)).isEqualTo("1002");
    assertThat(LoopbackPeer.ownerOf(50_002, 8080, SOCKETS)).isEmpty();
  }

  @Test
  void ourOwnConnectionIsOurs() throws Exception {
    try (ServerSocketChannel server = ServerSocketChannel.open()) {
      server.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
      try (SocketChannel _ = SocketChannel.open(server.getLocalAddress());
          SocketChannel accepted = server.accept()) {
        assertThat(LoopbackPeer.isOfThisUser(accepted)).isTrue();
      }
    }
  }
}
