package dev.ballast.vmm.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  /** Returns a path of so many bytes, in directories of its own. */
  private Path ofLength(int bytes) throws IOException {
    Path deep = directory;
    while (bytes - length(deep) > 60) {
      deep = Files.createDirectories(deep.resolve("deep-directory"));
    }
    Path path = deep.resolve("s".repeat(bytes - length(deep) - 1));
    assertThat(length(path)).isEqualTo(bytes);
    return path;
  }

  private static int length(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }

  @ParameterizedTest
  @ValueSource(ints = {90, 96, 97, 98, 105, 106, 107})
  void listensWhereverAnAddressCanName(int bytes) throws IOException {
    Path path = ofLength(bytes);
    try (SocketFile socket = SocketFile.listen(path, 1);
        SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      assertThat(SocketFile.connect(client, path)).isTrue();
      client.write(ByteBuffer.wrap(new byte[] {42}));
      ByteBuffer got = ByteBuffer.allocate(1);
      try (SocketChannel accepted = socket.channel().accept()) {
        accepted.read(got);
      }
      assertThat(got.get(0)).isEqualTo((byte) 42);
      assertThatThrownBy(() -> SocketFile.listen(path, 1))
          .hasMessage("cannot listen on " + path + ": another process listens there");
    }
    assertThat(path.getParent()).isEmptyDirectory();
    try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      assertThatThrownBy(() -> SocketFile.connect(client, path))
          .isInstanceOf(SocketException.class)
          .hasMessageContaining("No such file");
    }
  }

  @Test
  void otherProgramsReachTheLongestPath() throws Exception {
    Path path = ofLength(SocketFile.MAX_PATH);
    try (SocketFile socket = SocketFile.listen(path, 1)) {
      Process client =
          new ProcessBuilder(
                  "python3",
                  "-c",
                  "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])",
                  path.toString())
              .inheritIO()
              .start();
      socket.channel().accept().close();
      assertThat(client.waitFor()).isZero();
    }
  }

  @Test
  void aPathThatIsTooLongIsRefusedWithItsLength() throws IOException {
    Path path = ofLength(108);
    String reason =
        "the path has 108 bytes, and that of a socket at most 107: use a shorter one, or one"
            + " relative to the working directory";
    assertThatThrownBy(() -> SocketFile.listen(path, 1))
        .isInstanceOf(IOException.class)
        .hasMessage("cannot listen on " + path + ": " + reason);
    assertThat(path.getParent()).isEmptyDirectory();
    try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      assertThatThrownBy(() -> SocketFile.connect(client, path))
          .isInstanceOf(SocketException.class)
          .hasMessage(reason);
    }
    assertThat(SocketFile.refusal(Path.of("ü".repeat(53)))).isEmpty();
    assertThat(SocketFile.refusal(Path.of("ü".repeat(54))))
        .hasValueSatisfying(text -> assertThat(text).contains("108 bytes"));
  }

  @Test
  void noOtherKindOfFileIsTakenForAnAbandonedSocket() throws Exception {
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    assertThatThrownBy(() -> SocketFile.listen(fifo, 1))
        .hasMessage("cannot listen on " + fifo + ": it is not a socket");
    assertThat(fifo).exists();
  }

  @Test
  void twoThatReplaceTheSameAbandonedSocketDoNotLoseEachOthers() throws Exception {
    Path path = directory.resolve("socket");
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      for (int round = 0; round < 200; round++) {
        try (ServerSocketChannel gone = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
          gone.bind(UnixDomainSocketAddress.of(path));
        }
        CyclicBarrier start = new CyclicBarrier(2);
        Callable<Optional<SocketFile>> listen =
            () -> {
              start.await();
              try {
                return Optional.of(SocketFile.listen(path, 1));
              } catch (IOException lost) {
                return Optional.empty();
              }
            };
        List<SocketFile> winners = new ArrayList<>();
        for (Future<Optional<SocketFile>> result : threads.invokeAll(List.of(listen, listen))) {
          result.get().ifPresent(winners::add);
        }
        assertThat(winners).as("round %d", round).hasSize(1);
        connect(path);
        winners.getFirst().close();
        assertThat(directory).as("round %d", round).isEmptyDirectory();
      }
    }
  }

  @Test
  void theSocketOfTheNextOwnerStays() throws IOException {
    Path path = directory.resolve("socket");
    SocketFile first = SocketFile.listen(path, 1);
    Files.delete(path);
    try (SocketFile second = SocketFile.listen(path, 1)) {
      first.close();
      first.close();
      connect(path);
      second.channel().accept().close();
    }
    assertThat(directory).isEmptyDirectory();
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
