package dev.ballast.migration.channel;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.migration.testing.Connection;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MigrationServerTest {
  private final Path directory;

  MigrationServerTest(@TempDir Path directory) {
    this.directory = directory;
  }

  private MigrationUri.Unix uri() {
    return new MigrationUri.Unix(directory.resolve("m"));
  }

  @Test
  void aUnixSocketIsForItsOwnerOnlyAndGoesAway() throws IOException {
    try (MigrationServer server = MigrationServer.listen(uri())) {
      assertThat(server.uri()).isEqualTo(uri());
      assertThat(Files.getPosixFilePermissions(directory.resolve("m")))
          .isEqualTo(PosixFilePermissions.fromString("rw-------"));
      try (MigrationChannel channel = MigrationChannel.open(uri())) {
        channel.connect(Duration.ofSeconds(5));
        Connection.accept(server, Duration.ofSeconds(5)).close();
      }
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aSocketInUseIsLeftAlone() throws IOException {
    try (MigrationServer _ = MigrationServer.listen(uri())) {
      assertThatThrownBy(() -> MigrationServer.listen(uri()))
          .isInstanceOf(IOException.class)
          .hasMessageEndingWith(directory.resolve("m") + ": another process listens there");
      assertThat(directory.resolve("m")).exists();
    }
  }

  @Test
  void aStaleSocketIsReplaced() throws IOException {
    try (ServerSocketChannel stale = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      stale.bind(UnixDomainSocketAddress.of(directory.resolve("m")));
    }
    assertThat(directory.resolve("m")).exists();
    MigrationServer.listen(uri()).close();
  }

  @Test
  void anotherFileIsLeftAlone() throws IOException {
    Files.writeString(directory.resolve("m"), "precious");
    assertThatThrownBy(() -> MigrationServer.listen(uri()))
        .isInstanceOf(IOException.class)
        .hasMessageEndingWith(directory.resolve("m") + ": it is not a socket");
    assertThat(directory.resolve("m")).hasContent("precious");
  }

  @Test
  void aDirectoryThatIsNotThereIsNamed() {
    MigrationUri nowhere = new MigrationUri.Unix(directory.resolve("none/m"));
    assertThatThrownBy(() -> MigrationServer.listen(nowhere))
        .isInstanceOf(IOException.class)
        .hasMessageEndingWith(directory.resolve("none/m") + ": its directory does not exist");
  }

  @Test
  void listensAtTheLongestPath() throws IOException {
    int rest = 107 - directory.toString().length() - 1;
    Path path = directory.resolve("m".repeat(rest));
    MigrationUri longest = MigrationUri.parse("unix:" + path);
    try (MigrationServer server = MigrationServer.listen(longest);
        MigrationChannel channel = MigrationChannel.open(longest)) {
      channel.connect(Duration.ofSeconds(5));
      Connection.accept(server, Duration.ofSeconds(5)).close();
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void theSocketOfTheNextServerStays() throws IOException {
    MigrationServer first = MigrationServer.listen(uri());
    Files.delete(directory.resolve("m"));
    try (MigrationServer second = MigrationServer.listen(uri())) {
      first.close();
      try (MigrationChannel channel = MigrationChannel.open(uri())) {
        channel.connect(Duration.ofSeconds(5));
        Connection.accept(second, Duration.ofSeconds(5)).close();
      }
    }
  }

  @Test
  void leavesNoFileWhereItCannotWait() {
    IOException full = new IOException("too many open files");
    assertThatThrownBy(
            () -> SocketMigrationServer.listen(uri(), new FailingSelectorProvider(0, full)))
        .isSameAs(full);
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aPortInUseIsNamed() throws IOException {
    try (MigrationServer server = MigrationServer.listen(MigrationUri.parse("tcp:127.0.0.1:0"))) {
      assertThatThrownBy(() -> MigrationServer.listen(server.uri()))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith(server.uri() + ": cannot listen: ")
          .hasMessageContaining("in use");
    }
  }

  @Test
  void waitsNoLongerThanItWasTold() throws IOException {
    try (MigrationServer server = MigrationServer.listen(uri())) {
      assertThatThrownBy(() -> Connection.accept(server, Duration.ofMillis(20)))
          .isInstanceOf(SocketTimeoutException.class)
          .hasMessage(uri() + ": no source connected within 20 ms");
    }
  }

  private SocketChannel client() throws IOException {
    SocketChannel client = SocketChannel.open(uri().family());
    assertThat(uri().connect(client)).isTrue();
    return client;
  }

  /** Wants so many bytes, and no question mark first. */
  private record Bytes(int wanted) implements Opening {
    @Override
    public Introduction begin() {
      Introduction any = Connection.bytes(wanted);
      return new Introduction() {
        @Override
        public int bytesWanted(ByteBuffer received) throws IOException {
          if (received.hasRemaining() && received.get(0) == '?') {
            throw new IOException("a question");
          }
          return any.bytesWanted(received);
        }

        @Override
        public @Nullable ByteBuffer answer() {
          return any.answer();
        }
      };
    }

    @Override
    public boolean isDue(Introduction introduction) {
      return true;
    }

    @Override
    public ByteBuffer refuse(IOException why) {
      return ByteBuffer.wrap(String.valueOf(why.getMessage()).getBytes(US_ASCII));
    }
  }

  private static final Opening FOUR_BYTES = new Bytes(4);
  private static final Opening MANY_BYTES = new Bytes(1 << 10);

  @Test
  void aConnectionIsHandedOutWithWhatItSaid() throws IOException {
    try (MigrationServer server = MigrationServer.listen(uri());
        SocketChannel silent = client();
        SocketChannel client = client()) {
      client.write(ByteBuffer.wrap("hello".getBytes(US_ASCII)));
      try (MigrationChannel channel =
          server.accept(Duration.ofSeconds(5), Duration.ofSeconds(5), FOUR_BYTES)) {
        ByteBuffer said = ByteBuffer.allocate(5);
        channel.read(said);
        assertThat(new String(said.array(), US_ASCII)).isEqualTo("hello");
        assertThat(channel.bytesRead()).isEqualTo(5);
      }
      assertThat(silent.isOpen()).isTrue();
    }
  }

  @Test
  void aConnectionThatDoesNotSayEnoughInTimeIsDropped() throws IOException {
    try (MigrationServer server = MigrationServer.listen(uri());
        SocketChannel client = client()) {
      client.write(ByteBuffer.wrap("abc".getBytes(US_ASCII)));
      assertThatThrownBy(
              () -> server.accept(Duration.ofMillis(300), Duration.ofMillis(20), FOUR_BYTES))
          .hasMessageContaining("no source connected");
      assertThat(client.read(ByteBuffer.allocate(1))).as("end of the stream").isEqualTo(-1);
    }
  }

  /** A byte now and then does not renew its time. */
  @Test
  void aConnectionThatTricklesIsDropped() throws Exception {
    try (MigrationServer server = MigrationServer.listen(uri());
        SocketChannel client = client()) {
      CompletableFuture<Void> accepting =
          CompletableFuture.runAsync(
              () ->
                  assertThatThrownBy(
                          () ->
                              server.accept(
                                  Duration.ofSeconds(2), Duration.ofMillis(200), MANY_BYTES))
                      .hasMessageContaining("no source connected"));
      await()
          .pollInterval(Duration.ofMillis(20))
          .atMost(Duration.ofSeconds(1))
          .until(() -> !tookAnotherByte(client));
      accepting.join();
    }
  }

  private static boolean tookAnotherByte(SocketChannel client) {
    try {
      return client.write(ByteBuffer.allocate(1)) == 1;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void aConnectionThatCannotBeServedDoesNotEndTheServer() throws IOException {
    FailingSelectorProvider selectors =
        new FailingSelectorProvider(1, new IOException("too many open files"));
    try (MigrationServer server = SocketMigrationServer.listen(uri(), selectors);
        SocketChannel first = client()) {
      first.write(ByteBuffer.allocate(4));
      assertThatThrownBy(
              () -> server.accept(Duration.ofMillis(50), Duration.ofSeconds(5), FOUR_BYTES))
          .hasMessageContaining("no source connected");
      selectors.giveOneMore();
      try (SocketChannel second = client()) {
        second.write(ByteBuffer.allocate(4));
        server.accept(Duration.ofSeconds(5), Duration.ofSeconds(5), FOUR_BYTES).close();
      }
    }
  }

  @Test
  void aConnectionThatIsRefusedHearsWhy() throws IOException {
    try (MigrationServer server = MigrationServer.listen(uri());
        SocketChannel client = client()) {
      client.write(ByteBuffer.wrap("?".getBytes(US_ASCII)));
      assertThatThrownBy(
              () -> server.accept(Duration.ofMillis(20), Duration.ofSeconds(5), FOUR_BYTES))
          .hasMessageContaining("no source connected");
      ByteBuffer answer = ByteBuffer.allocate(100);
      while (client.read(answer) >= 0) {
        assertThat(answer.hasRemaining()).isTrue();
      }
      assertThat(new String(answer.array(), 0, answer.position(), US_ASCII))
          .isEqualTo("a question");
    }
  }

  @Test
  void whenTooManyWaitTheOldestGoes() throws IOException {
    List<SocketChannel> clients = new ArrayList<>();
    try (MigrationServer server = MigrationServer.listen(uri())) {
      for (int i = 0; i < PendingConnections.MAX_PENDING + 3; i++) {
        clients.add(client());
        // Often enough that the queue of the listening socket is never full.
        if (i % 32 == 0 || i >= PendingConnections.MAX_PENDING) {
          assertThatThrownBy(
                  () -> server.accept(Duration.ofMillis(20), Duration.ofMinutes(1), FOUR_BYTES))
              .hasMessageContaining("no source connected");
        }
      }
      for (int i = 0; i < clients.size(); i++) {
        clients.get(i).configureBlocking(false);
        assertThat(clients.get(i).read(ByteBuffer.allocate(1)))
            .as("client %d", i)
            .isEqualTo(i < 3 ? -1 : 0);
      }
    } finally {
      for (SocketChannel client : clients) {
        client.close();
      }
    }
  }

  @Test
  void canBeCancelled() throws Exception {
    try (MigrationServer server = MigrationServer.listen(uri())) {
      Thread canceller = Thread.ofPlatform().start(server::cancel);
      assertThatThrownBy(() -> Connection.accept(server, Duration.ZERO))
          .isInstanceOf(CancelledException.class);
      canceller.join();
    }
  }
}
