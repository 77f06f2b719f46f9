package dev.ballast.tools.qmp;

import static dev.ballast.tools.qmp.RawClient.desc;
import static dev.ballast.tools.qmp.RawClient.errorClass;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.vm.VmEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The connection: who may make it, what is written to it and how it ends. */
@Timeout(30)
class QmpServerTest {
  @RegisterExtension private final ServedMachine served = new ServedMachine();
  private final FakeMachine machine = served.machine;

  @Test
  void greetsAndWaitsForNegotiation() throws IOException {
    try (RawClient client = served.connect()) {
      JsonNode greeting = client.read();
      assertThat(greeting.at("/QMP/version/qemu/major").isInt()).isTrue();
      assertThat(greeting.at("/QMP/version/qemu/minor").isInt()).isTrue();
      assertThat(greeting.at("/QMP/version/qemu/micro").isInt()).isTrue();
      assertThat(greeting.at("/QMP/version/package").asText()).startsWith("ballast-");
      assertThat(greeting.at("/QMP/capabilities").isArray()).isTrue();

      JsonNode early = client.ask("{'execute':'query-status','id':1}");
      assertThat(errorClass(early)).isEqualTo("CommandNotFound");
      assertThat(early.path("id").asInt()).isEqualTo(1);
      JsonNode unknown =
          client.ask("{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}");
      assertThat(errorClass(unknown)).isEqualTo("GenericError");
      assertThat(client.ask("{'execute':'qmp_capabilities','arguments':{'enable':[]}}"))
          .hasToString("{\"return\":{}}");
      assertThat(errorClass(client.ask("{'execute':'qmp_capabilities'}")))
          .isEqualTo("CommandNotFound");
      assertThat(client.ask("{'execute':'query-status','id':{'a':[1]}}"))
          .hasToString(
              "{\"id\":{\"a\":[1]},\"return\":"
                  + "{\"running\":true,\"singlestep\":false,\"status\":\"running\"}}");
    }
  }

  @Test
  void endsLinesWithCrLf() throws IOException {
    try (RawClient client = served.negotiated()) {
      client.send("{\"execute\":\"query-name\"}\n");
      java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocate(100);
      while (bytes.position() == 0 || bytes.get(bytes.position() - 1) != '\n') {
        client.channel.read(bytes);
      }
      String line =
          new String(bytes.array(), 0, bytes.position(), java.nio.charset.StandardCharsets.UTF_8);
      assertThat(line).isEqualTo("{\"return\":{\"name\":\"fake\"}}\r\n");
    }
  }

  @Test
  void aCommandThatFailsByADefectIsAnsweredAndTheNextIsToo() throws IOException {
    try (RawClient client = served.negotiated()) {
      JsonNode answer =
          client.ask(
              "{'execute':'migrate','arguments':{'uri':'" + FakeMachine.DEFECT + "'},'id':1}");
      assertThat(errorClass(answer)).isEqualTo("GenericError");
      assertThat(desc(answer)).contains("a defect");
      assertThat(answer.path("id").asInt()).isEqualTo(1);
      assertThat(client.ask("{'execute':'query-name'}").at("/return/name").asText())
          .isEqualTo("fake");
    }
  }

  @Test
  void answersQuitBeforeItCloses() throws IOException, InterruptedException {
    try (RawClient client = served.negotiated()) {
      client.send("{\"execute\":\"quit\",\"id\":5}\n");
      assertThat(machine.quit.await(10, TimeUnit.SECONDS)).isTrue();
      served.server().close();
      JsonNode event = client.read();
      assertThat(event.path("event").asText()).isEqualTo("SHUTDOWN");
      assertThat(event.path("data")).hasToString("{\"guest\":false,\"reason\":\"host-qmp-quit\"}");
      assertThat(client.read().path("id").asInt()).isEqualTo(5);
      assertThatThrownBy(client::readLine).hasMessage("end of stream");
      assertThat(served.socket()).doesNotExist();
    }
  }

  @Test
  void dropsAClientThatDoesNotRead() throws IOException {
    try (RawClient slow = served.negotiated();
        RawClient other = served.negotiated()) {
      slow.ask("{'execute':'query-name'}");
      long sent = 0;
      for (int i = 0; i < 100_000; i++) {
        machine.emit(new VmEvent.Resumed());
        sent++;
        if (i % 100 == 0) {
          other.send("{\"execute\":\"query-name\",\"id\":1}\n");
          while (!other.read().has("return")) {
            // events
          }
        }
      }
      long received = 0;
      try {
        while (true) {
          slow.readLine();
          received++;
        }
      } catch (IOException e) {
        assertThat(received).isPositive().isLessThan(sent);
      }
      assertThat(other.ask("{'execute':'query-name','id':2}")).isNotNull();
    }
  }

  @Test
  void aClientThatGoesAwayLeavesNothing() throws IOException {
    for (int i = 0; i < 3 * QmpServer.MAX_CLIENTS; i++) {
      try (RawClient client = served.connect()) {
        client.send("{\"execute\":");
      }
      await()
          .until(
              () ->
                  Thread.getAllStackTraces().keySet().stream()
                      .noneMatch(thread -> thread.getName().equals("qmp-reader")));
    }
  }

  @Test
  void answersWhatHadArrivedWhenItIsClosed() throws Exception {
    machine.stopping = new CountDownLatch(1);
    try (RawClient client = served.negotiated()) {
      client.send("{\"execute\":\"stop\",\"id\":1}\n");
      await().until(() -> machine.calls.contains("stop"));
      client.send("{\"execute\":\"quit\",\"id\":2}\n");
      FutureTask<Void> close =
          new FutureTask<>(
              () -> {
                served.server().close();
                return null;
              });
      Thread closer = Thread.ofPlatform().start(close);
      // It waits for the session, which it has told to finish.
      await().until(() -> closer.getState() == Thread.State.TIMED_WAITING);
      machine.stopping.countDown();

      List<Integer> answered = new ArrayList<>();
      while (answered.size() < 2) {
        JsonNode message = client.read();
        if (message.has("return")) {
          answered.add(message.path("id").asInt());
        }
      }
      assertThat(answered).containsExactly(1, 2);
      assertThatThrownBy(client::readLine).hasMessage("end of stream");
      close.get();
    }
    assertThat(machine.calls).containsExactly("stop", "quit");
  }

  @Test
  void doesNotWaitForASilentClientWhenItIsClosed() throws IOException {
    try (RawClient client = served.negotiated()) {
      served.server().close();
      assertThatThrownBy(client::readLine).hasMessage("end of stream");
    }
  }

  @Test
  void onlyTheOwnerMayConnect() throws IOException {
    assertThat(Files.getPosixFilePermissions(served.socket()))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    try (var left = Files.list(served.socket().toAbsolutePath().getParent())) {
      assertThat(left).containsExactly(served.socket().toAbsolutePath());
    }
  }

  @Test
  void refusesABusyPathAndReplacesAStaleOne() throws IOException {
    assertThatThrownBy(() -> QmpServer.start(machine, served.socket()))
        .isInstanceOf(IOException.class)
        .hasMessage("cannot listen on " + served.socket() + ": another process listens there");
    Path stale = served.socket().resolveSibling("stale");
    java.nio.channels.ServerSocketChannel abandoned =
        java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX);
    abandoned.bind(java.net.UnixDomainSocketAddress.of(stale));
    abandoned.close();
    assertThat(stale).exists();
    QmpServer.start(machine, stale).close();
    assertThat(stale).doesNotExist();

    Path file = Files.writeString(served.socket().resolveSibling("file"), "precious");
    assertThatThrownBy(() -> QmpServer.start(machine, file))
        .hasMessageEndingWith("it is not a socket");
    assertThat(file).hasContent("precious");
    assertThatThrownBy(() -> QmpServer.start(machine, served.socket().resolve("no/where")))
        .hasMessageEndingWith("its directory does not exist");
  }
}
