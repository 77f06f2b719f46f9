package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.vmm.socket.SocketFile;
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
import java.util.concurrent.atomic.AtomicInteger;
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

  private static void type(SocketChannel client, String text) throws IOException {
    client.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
  }

  /** The guest takes nothing, as when it is stopped. */
  @Test
  void clientThatLeavesWithMuchUnreadDoesNotHarmTheNextOnes() throws Exception {
    guest.limitTo(0);
    for (int i = 0; i < 3; i++) {
      try (SocketChannel client = connect()) {
        guest.transmit(backend, "output");
        assertThat(read(client, 6)).isEqualTo("output");
        type(client, "k".repeat(100_000));
      }
    }
    try (SocketChannel last = connect()) {
      guest.transmit(backend, "output");
      assertThat(read(last, 6)).isEqualTo("output");
      type(last, "typed");
      guest.makeRoom(backend, Integer.MAX_VALUE);
      await().until(() -> guest.input().equals("k".repeat(4096) + "typed"));
    }
  }

  @Test
  void whatAClientSentBeforeItLeftIsDelivered() throws Exception {
    guest.limitTo(0);
    String script = "0123456789".repeat(10_000);
    try (SocketChannel client = connect()) {
      type(client, script);
    }
    // Output finds nobody, and that does not end the input.
    guest.transmit(backend, "x".repeat(100_000));
    while (guest.input().length() < script.length()) {
      String before = guest.input();
      guest.makeRoom(backend, 7001);
      await().until(() -> guest.input().length() > before.length());
    }
    assertThat(guest.input()).isEqualTo(script);
  }

  @Test
  void clientThatStaysIsNotGivenUpForTheNextOne() throws Exception {
    guest.limitTo(0);
    String script = "0123456789".repeat(10_000);
    try (SocketChannel next = waitsBehind(script)) {
      type(next, "next");
      guest.makeRoom(backend, Integer.MAX_VALUE);
      await().until(() -> guest.input().equals(script + "next"));
    }
  }

  /** Has a client send much and another one wait; lets the first one leave when all was taken. */
  private SocketChannel waitsBehind(String script) throws IOException {
    try (SocketChannel first = connect()) {
      type(first, script);
      SocketChannel next = connect();
      while (guest.input().length() < script.length()) {
        String before = guest.input();
        guest.makeRoom(backend, 25_000);
        await().until(() -> guest.input().length() > before.length());
      }
      return next;
    }
  }

  @Test
  void anAcceptThatFailsIsTriedAgain(@TempDir Path other) throws Exception {
    Path socket = other.resolve("console.sock");
    SocketFile server = SocketFile.listen(socket, 1);
    AtomicInteger failures = new AtomicInteger(2);
    UnixSocketSerialBackend.Clients clients =
        () -> {
          if (failures.getAndDecrement() > 0) {
            throw new IOException("Too many open files");
          }
          return server.channel().accept();
        };
    UnixSocketSerialBackend failing = UnixSocketSerialBackend.listen(socket, server, clients);
    failing.start(guest);
    try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      type(client, "typed");
      await().until(guest::input, "typed"::equals);
      guest.transmit(failing, "output");
      assertThat(read(client, 6)).isEqualTo("output");
      assertThat(failures).hasNegativeValue();
    } finally {
      failing.close();
    }
  }

  @Test
  void aClientThatCannotBeServedIsClosedAndTheNextIsServed(@TempDir Path other) throws Exception {
    Path socket = other.resolve("console.sock");
    SocketFile server = SocketFile.listen(socket, 1);
    AtomicInteger broken = new AtomicInteger(1);
    UnixSocketSerialBackend.Clients clients =
        () -> {
          SocketChannel client = server.channel().accept();
          if (client != null && broken.getAndDecrement() > 0) {
            client.close();
          }
          return client;
        };
    UnixSocketSerialBackend failing = UnixSocketSerialBackend.listen(socket, server, clients);
    failing.start(guest);
    try (SocketChannel first = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        SocketChannel second = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      assertThat(first.read(ByteBuffer.allocate(1))).isEqualTo(-1);
      type(second, "typed");
      await().until(guest::input, "typed"::equals);
    } finally {
      failing.close();
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
