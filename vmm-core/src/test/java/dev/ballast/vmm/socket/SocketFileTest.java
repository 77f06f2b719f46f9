package dev.ballast.vmm.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SocketFileTest {
  @TempDir Path directory;

  private static void connect(Path path) throws IOException {
    try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      client.connect(UnixDomainSocketAddress.of(path));
    }
  }

  @Test
  void onlyTheOwnerMayConnectAndNothingElseIsLeft() throws IOException {
    Path path = directory.resolve("socket");
    try (SocketFile socket = SocketFile.listen(path, 1)) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
          .isEqualTo("rw-------");
      assertThat(socket.channel().isOpen()).isTrue();
      connect(path);
      try (Stream<Path> files = Files.list(directory)) {
        assertThat(files).containsExactly(path);
      }
    }
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void whatCannotBeConnectedToForAnotherReasonIsNotTakenForAbandoned() throws IOException {
    Path path = directory.resolve("busy");
    try (ServerSocketChannel busy = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      busy.bind(UnixDomainSocketAddress.of(path));
      // Too long an address for a socket, though not for a file: connecting fails, but somebody
      // listens.
      Path deep = directory;
      while (deep.toString().length() < 108) {
        deep = Files.createDirectory(deep.resolve("deep-directory"));
      }
      Path far = Files.move(path, deep.resolve("busy"));
      assertThatThrownBy(() -> SocketFile.listen(far, 1)).isInstanceOf(IOException.class);
      assertThat(far).as("still there").exists();
    }
  }

  @Test
  void whereTooManyClientsWaitSomebodyListens() throws IOException {
    Path path = directory.resolve("socket");
    List<SocketChannel> waiting = new ArrayList<>();
    try (SocketFile socket = SocketFile.listen(path, 1)) {
      assertThatThrownBy(
              () -> {
                while (true) {
                  SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
                  waiting.add(client);
                  client.configureBlocking(false);
                  client.connect(UnixDomainSocketAddress.of(path));
                }
              })
          .as("the queue of clients is full")
          .isInstanceOf(SocketException.class);
      assertThatThrownBy(() -> SocketFile.listen(path, 1))
          .hasMessageContaining("another process may listen there");
      assertThat(path).exists();
      assertThat(socket.channel().isOpen()).isTrue();
    } finally {
      for (SocketChannel client : waiting) {
        client.close();
      }
    }
  }

  @Test
  void aFileThatTookItsPlaceStays() throws IOException {
    Path path = directory.resolve("socket");
    SocketFile socket = SocketFile.listen(path, 1);
    Files.delete(path);
    Files.writeString(path, "precious");
    socket.close();
    assertThat(path).hasContent("precious");
  }
}
