package dev.ballast.migration.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MigrationServerTest {
  private final Path directory;

  MigrationServerTest(@TempDir Path directory) {
    this.directory = directory;
  }

  private MigrationUri uri() {
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
        server.accept(Duration.ofSeconds(5)).close();
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
      server.accept(Duration.ofSeconds(5)).close();
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
        second.accept(Duration.ofSeconds(5)).close();
      }
    }
  }

  @Test
  void leavesNoFileWhereItCannotWait() {
    IOException full = new IOException("too many open files");
    assertThatThrownBy(() -> MigrationServer.listen(uri(), new FailingSelectorProvider(full)))
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
      assertThatThrownBy(() -> server.accept(Duration.ofMillis(20)))
          .isInstanceOf(SocketTimeoutException.class)
          .hasMessage(uri() + ": no source connected within 20 ms");
    }
  }

  @Test
  void canBeCancelled() throws Exception {
    try (MigrationServer server = MigrationServer.listen(uri())) {
      Thread canceller = Thread.ofPlatform().start(server::cancel);
      assertThatThrownBy(() -> server.accept(Duration.ZERO)).isInstanceOf(CancelledException.class);
      canceller.join();
    }
  }
}
