package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class UnixSocketSerialBackendTest {
  private final Path path;
  private final RecordingGuest guest = new RecordingGuest();
  private final UnixSocketSerialBackend backend;

  UnixSocketSerialBackendTest(@TempDir Path directory) throws IOException {
    path = directory.resolve("console.sock");
    backend = UnixSocketSerialBackend.listen(path);
  }

  @BeforeEach
  void start() {
    backend.start(guest);
  }

  @AfterEach
  void close() {
    backend.close();
  }

  private SocketChannel connect() throws IOException {
    SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
    client.connect(UnixDomainSocketAddress.of(path));
    return client;
  }

  private static String read(SocketChannel from, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining() && from.read(bytes) >= 0) {
      // until it is full or the other end is closed
    }
    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII);
  }

  @Test
  void onlyThisUserCanConnect() throws IOException {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
        .isEqualTo("rw-------");
  }

  @Test
  void outputBeforeAClientIsKept() throws Exception {
    guest.transmit(backend, "early");
    try (SocketChannel client = connect()) {
      assertThat(read(client, 5)).isEqualTo("early");
      client.write(ByteBuffer.wrap("typed".getBytes(StandardCharsets.US_ASCII)));
      await().until(guest::input, "typed"::equals);
    }
  }

  @Test
  void clientsComeAndGo() throws Exception {
    for (int i = 0; i < 3; i++) {
      try (SocketChannel client = connect()) {
        client.write(ByteBuffer.wrap(new byte[] {'i'}));
        String seen = "i".repeat(i + 1);
        await().until(guest::input, seen::equals);
        guest.transmit(backend, "o");
        assertThat(read(client, 1)).isEqualTo("o");
      }
    }
  }

  @Test
  void withoutClientTheNewestOutputIsKept() throws Exception {
    guest.transmit(backend, "old".repeat(100_000));
    guest.transmit(backend, "new".repeat(10_000));
    assertThat(guest.readyCalls()).as("the guest never waits").isZero();
    try (SocketChannel client = connect()) {
      assertThat(read(client, 64 << 10)).endsWith("old" + "new".repeat(10_000));
    }
  }

  @Test
  void clientThatDoesNotReadStopsNobody() throws Exception {
    try (SocketChannel client = connect()) {
      assertThat(client.isConnected()).isTrue();
      guest.transmit(backend, "x".repeat(2_000_000));
    }
    assertThat(guest.readyCalls()).isZero();
  }

  @Test
  void closeRemovesTheSocketAndEndsTheClient() throws Exception {
    try (SocketChannel client = connect()) {
      guest.transmit(backend, "last words");
      assertThat(read(client, 4)).isEqualTo("last");
      backend.close();
      assertThat(read(client, 100)).isEqualTo(" words");
    }
    assertThat(path).doesNotExist();
  }

  @Test
  void pathInUseIsRefused() {
    assertThatThrownBy(() -> UnixSocketSerialBackend.listen(path))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(path + ": another process listens there");
    assertThat(path).as("still served").exists();
  }

  @Test
  void abandonedSocketIsReplacedButNoOtherFile(@TempDir Path other) throws IOException {
    Path abandoned = other.resolve("abandoned");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(abandoned));
    }
    UnixSocketSerialBackend.listen(abandoned).close();

    Path file = Files.writeString(other.resolve("file"), "precious");
    assertThatThrownBy(() -> UnixSocketSerialBackend.listen(file))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file.toString());
    assertThat(file).hasContent("precious");
  }
}
