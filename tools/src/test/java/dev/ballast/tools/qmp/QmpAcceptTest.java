package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.socket.SocketFile;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

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
