package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.socket.SocketFile;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Clients that cannot be taken: the next one is. */
@Timeout(30)
class QmpAcceptTest {
  @TempDir Path directory;

  @Test
  void anAcceptThatFailsIsTriedAgain() throws IOException {
    Path path = directory.resolve("qmp");
    SocketFile socket = SocketFile.listen(path, 0);
    AtomicInteger failures = new AtomicInteger(2);
    QmpServer.Clients clients =
        () -> {
          if (failures.getAndDecrement() > 0) {
            throw new IOException("Too many open files");
          }
          return socket.channel().accept();
        };
    try (QmpServer server = QmpServer.start(new FakeMachine(), socket, clients);
        RawClient client = RawClient.negotiated(path)) {
      assertThat(client.ask("{'execute':'query-name'}").at("/return/name").asText())
          .isEqualTo("fake");
      assertThat(failures).hasNegativeValue();
      assertThat(server).isNotNull();
    }
    assertThat(path).doesNotExist();
  }

  @ParameterizedTest
  @MethodSource("errors")
  void noErrorEndsTheThreadThatAccepts(Throwable error) throws IOException {
    Path path = directory.resolve("qmp");
    SocketFile socket = SocketFile.listen(path, 0);
    AtomicReference<@Nullable Throwable> next = new AtomicReference<>(error);
    QmpServer.Clients clients =
        () -> {
          switch (next.getAndSet(null)) {
            case Error e -> throw e;
            case RuntimeException e -> throw e;
            case null, default -> {
              return socket.channel().accept();
            }
          }
        };
    try (QmpServer server = QmpServer.start(new FakeMachine(), socket, clients);
        RawClient client = RawClient.negotiated(path)) {
      assertThat(client.ask("{'execute':'query-name'}").has("return")).isTrue();
      assertThat(server).isNotNull();
    }
  }

  static List<Throwable> errors() {
    return List.of(
        new OutOfMemoryError("unable to create native thread"),
        new NoClassDefFoundError("x"),
        new IllegalStateException("x"));
  }

  @Test
  void aClientThatCannotBeServedIsClosedAndTheNextIsServed() throws IOException {
    Path path = directory.resolve("qmp");
    SocketFile socket = SocketFile.listen(path, 0);
    AtomicInteger broken = new AtomicInteger(1);
    QmpServer.Clients clients =
        () -> {
          SocketChannel client = socket.channel().accept();
          if (broken.getAndDecrement() > 0) {
            client.close();
          }
          return client;
        };
    try (QmpServer server = QmpServer.start(new FakeMachine(), socket, clients);
        RawClient first = new RawClient(path);
        RawClient second = RawClient.negotiated(path)) {
      assertThatThrownBy(first::readLine).isInstanceOf(IOException.class);
      assertThat(second.ask("{'execute':'query-name'}").at("/return/name").asText())
          .isEqualTo("fake");
      assertThat(server).isNotNull();
    }
  }

  @Test
  void itEndsWhileItWaitsToTryAgain() throws IOException {
    SocketFile socket = SocketFile.listen(directory.resolve("qmp"), 0);
    QmpServer.Clients clients =
        () -> {
          throw new IOException("Too many open files");
        };
    QmpServer.start(new FakeMachine(), socket, clients).close();
    assertThat(directory.resolve("qmp")).doesNotExist();
  }
}
