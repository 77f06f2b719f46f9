package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.vm.VmEvent;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class QmpClientTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final FakeMachine machine = new FakeMachine();

  @TempDir private Path directory = Path.of("");

  @Test
  void runsCommandsAndCollectsEvents() throws Exception {
    Path socket = directory.resolve("q");
    try (QmpServer _ = QmpServer.start(machine, socket);
        QmpClient client = QmpClient.connect(socket)) {
      assertThat(client.command("query-status").path("status").asText()).isEqualTo("running");
      machine.emit(new VmEvent.PoweredDown());
      assertThat(client.nextEvent(SOON).orElseThrow().path("event").asText())
          .isEqualTo("POWERDOWN");
      assertThat(client.nextEvent(Duration.ZERO)).isEmpty();
      client.command("balloon", QmpClient.arguments().put("value", 4096));
      assertThat(machine.calls).containsExactly("balloon 4096");
      QmpException refused = catchThrowableOfType(QmpException.class, () -> client.command("nope"));
      assertThat(refused.errorClass()).isEqualTo("CommandNotFound");
      assertThat(refused).hasMessage("The command nope has not been found");
    }
  }

  @Test
  void givesEveryThreadItsOwnAnswer() throws Exception {
    Path socket = directory.resolve("q");
    try (QmpServer _ = QmpServer.start(machine, socket);
        QmpClient client = QmpClient.connect(socket)) {
      List<String> errors =
          IntStream.range(0, 200)
              .parallel()
              .mapToObj(
                  i ->
                      catchThrowableOfType(QmpException.class, () -> client.command("no" + i))
                          .getMessage())
              .toList();
      assertThat(errors)
          .isEqualTo(
              IntStream.range(0, 200)
                  .mapToObj(i -> "The command no" + i + " has not been found")
                  .toList());
    }
  }

  /** As a machine does that quits, and whose answer is quicker than this thread. */
  @Test
  void anAnswerCountsAlsoIfTheMachineIsGoneByThen() throws Exception {
    Path socket = directory.resolve("q");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      FutureTask<QmpClient> connecting = inBackground(() -> QmpClient.connect(socket));
      try (SocketChannel machineSide = server.accept()) {
        send(machineSide, "{\"QMP\": {}}\n");
        machineSide.read(ByteBuffer.allocate(1000));
        send(machineSide, "{\"return\": {}, \"id\": 1}\n");
        try (QmpClient client = connecting.get()) {
          // More than a socket takes that nobody reads.
          String large = "x".repeat(4 << 20);
          FutureTask<JsonNode> command =
              inBackground(() -> client.command("quit", QmpClient.arguments().put("large", large)));
          machineSide.read(ByteBuffer.allocate(1));
          send(machineSide, "{\"return\": {\"a\": 1}, \"id\": 2}\n");
          machineSide.shutdownOutput();
          assertThat(client.awaitEnd(SOON)).isTrue();
          assertThat(command.isDone()).as("is still being sent").isFalse();

          ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
          while (!command.isDone()) {
            machineSide.read(buffer.clear());
            if (buffer.position() > 0 && buffer.get(buffer.position() - 1) == '\n') {
              break;
            }
          }
          assertThat(command.get().path("a").asInt()).isEqualTo(1);
        }
      }
    }
  }

  private static <T> FutureTask<T> inBackground(Callable<T> work) {
    FutureTask<T> task = new FutureTask<>(work);
    Thread.ofPlatform().daemon().start(task);
    return task;
  }

  private static void send(SocketChannel channel, String line) throws IOException {
    channel.write(ByteBuffer.wrap(line.getBytes(StandardCharsets.US_ASCII)));
  }

  @Test
  void saysThatTheMachineIsGone() throws Exception {
    Path socket = directory.resolve("q");
    QmpServer server = QmpServer.start(machine, socket);
    try (QmpClient client = QmpClient.connect(socket)) {
      assertThat(client.awaitEnd(Duration.ofMillis(1))).isFalse();
      server.close();
      assertThat(client.awaitEnd(SOON)).isTrue();
      assertThatThrownBy(() -> client.command("query-status")).isInstanceOf(IOException.class);
    }
    assertThatThrownBy(() -> QmpClient.connect(socket))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("cannot talk to a machine at " + socket);
  }
}
