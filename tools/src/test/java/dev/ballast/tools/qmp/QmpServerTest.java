package dev.ballast.tools.qmp;

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
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The connection: who may make it, what is read from it and written to it. */
@Timeout(30)
class QmpServerTest {
  private final FakeMachine machine = new FakeMachine();
  private final Path socket;
  private final QmpServer server;

  QmpServerTest(@TempDir Path directory) throws IOException {
    socket = directory.resolve("qmp");
    server = QmpServer.start(machine, socket);
  }

  @AfterEach
  void closeServer() throws IOException {
    server.close();
  }

  private static String errorClass(JsonNode answer) {
    return answer.path("error").path("class").asText();
  }

  private static String desc(JsonNode answer) {
    return answer.path("error").path("desc").asText();
  }

  @Test
  void greetsAndWaitsForNegotiation() throws IOException {
    try (RawClient client = new RawClient(socket)) {
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
    try (RawClient client = RawClient.negotiated(socket)) {
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

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {'execute':'nope'} | CommandNotFound | The command nope has not been found
          {'execute':'stop','arguments':{'x':1}} | GenericError | Parameter 'x' is unexpected
          {'execute':'stop','arguments':[]} | GenericError | QMP input member 'arguments' must be an object
          {'execute':'stop','extra':1} | GenericError | QMP input member 'extra' is unexpected
          {'execute':7} | GenericError | QMP input member 'execute' must be a string
          {'id':7} | GenericError | QMP input lacks member 'execute'
          [] | GenericError | QMP input must be a JSON object
          12 | GenericError | QMP input must be a JSON object
          {'execute':'balloon'} | GenericError | Parameter 'value' is missing
          {'execute':'balloon','arguments':{'value':'1'}} | GenericError | Invalid parameter type for 'value', expected: integer
          {'execute':'balloon','arguments':{'value':1.5}} | GenericError | Invalid parameter type for 'value', expected: integer
          {'execute':'balloon','arguments':{'value':9223372036854775808}} | GenericError | Invalid parameter type for 'value', expected: integer
          {'execute':'balloon','arguments':{'value':0}} | GenericError | Parameter 'value' expects a size
          {'execute':'balloon','arguments':{'value':-1}} | GenericError | Parameter 'value' expects a size
          {'execute':'migrate','arguments':{'uri':1}} | GenericError | Invalid parameter type for 'uri', expected: string
          {'execute':'migrate-set-capabilities','arguments':{'capabilities':3}} | GenericError | Invalid parameter type for 'capabilities', expected: array
          {'execute':'migrate-set-capabilities','arguments':{'capabilities':[3]}} | GenericError | Invalid parameter type for 'capabilities[0]', expected: object
          {'execute':'migrate-set-capabilities','arguments':{'capabilities':[{'capability':'events'}]}} | GenericError | Parameter 'capabilities[0].state' is missing
          {'execute':'migrate-set-capabilities','arguments':{'capabilities':[{'capability':'zzz','state':true}]}} | GenericError | Parameter 'capabilities[0].capability' does not accept value 'zzz'
          {'execute':'migrate-set-parameters','arguments':{'downtime-limit':2000001}} | GenericError | Parameter 'downtime-limit' expects an integer in the range of 0 to 2000000
          {'execute':'migrate-set-parameters','arguments':{'multifd-compression':'zip'}} | GenericError | Parameter 'multifd-compression' does not accept value 'zip'
          {'execute':'migrate-set-parameters','arguments':{'multifd-zstd-level':21}} | GenericError | Parameter 'multifd-zstd-level' expects an integer in the range of 1 to 20
          {'execute':'migrate-incoming','arguments':{'uri':'unix:x'}} | GenericError | the machine does not wait for a guest
          """,
      quoteCharacter = '~')
  void refusesBeforeAnyEffect(String request, String errorClass, String desc) throws IOException {
    try (RawClient client = RawClient.negotiated(socket)) {
      JsonNode answer = client.ask(request);
      assertThat(errorClass(answer)).isEqualTo(errorClass);
      assertThat(desc(answer)).isEqualTo(desc);
      assertThat(machine.calls).isEmpty();
    }
  }

  @Test
  void aCommandThatFailsByADefectIsAnsweredAndTheNextIsToo() throws IOException {
    try (RawClient client = RawClient.negotiated(socket)) {
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

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "nonsense",
        "{'execute':",
        "{'execute':'stop'}}",
        "{'execute':'stop','execute':'stop'}",
        "{'a'}",
        "'x"
      })
  void answersBrokenJsonAndGoesOn(String request) throws IOException {
    try (RawClient client = RawClient.negotiated(socket)) {
      client.send(request.replace('\'', '"') + "\n{\"execute\":\"query-name\",\"id\":9}\n");
      JsonNode answer = client.read();
      List<String> classes = new ArrayList<>();
      while (answer.path("id").asInt() != 9) {
        classes.add(errorClass(answer));
        answer = client.read();
      }
      assertThat(classes).contains("GenericError");
    }
  }

  @Test
  void answersInvalidUtf8AndGoesOn() throws IOException {
    try (RawClient client = RawClient.negotiated(socket)) {
      client.send(new byte[] {'{', '"', (byte) 0xff, '"', '}', '\n'});
      assertThat(desc(client.read())).isEqualTo("JSON parse error, invalid UTF-8");
      assertThat(client.ask("{'execute':'query-name'}").has("return")).isTrue();
    }
  }

  @Test
  void answersAnOverlongLineAndGoesOn() throws IOException {
    try (RawClient client = RawClient.negotiated(socket)) {
      client.send("{\"execute\":\"" + "x".repeat(3 << 20) + "\"}\n");
      assertThat(desc(client.read())).isEqualTo("a request is longer than 1048576 bytes");
      assertThat(client.ask("{'execute':'query-name'}").has("return")).isTrue();
    }
  }

  @Test
  void needsNoLineEndAfterAnObject() throws IOException {
    try (RawClient client = RawClient.negotiated(socket)) {
      client.send(
          "{\"execute\":\"query-name\",\"id\":\"}\"}{\"execute\":\"query-name\",\"id\":\"\\\"{\"}");
      assertThat(client.read().path("id").asText()).isEqualTo("}");
      assertThat(client.read().path("id").asText()).isEqualTo("\"{");
    }
  }

  @Test
  void survivesRandomInput() throws IOException {
    long seed = System.nanoTime();
    System.out.println("QmpServerTest.survivesRandomInput seed " + seed);
    Random random = new Random(seed);
    String template =
        "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
            + "[{\"capability\":\"events\",\"state\":true}]},\"id\":[1,null,{}]}";
    try (RawClient client = RawClient.negotiated(socket)) {
      for (int i = 0; i < 2000; i++) {
        byte[] line = template.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        for (int flips = random.nextInt(4); flips >= 0; flips--) {
          line[random.nextInt(line.length)] = (byte) random.nextInt(256);
        }
        client.send(line);
        client.send("\n{\"execute\":\"query-name\",\"id\":" + (1000 + i) + "}\n");
        JsonNode answer = client.read();
        while (answer.path("id").asInt() != 1000 + i) {
          assertThat(answer.has("return") || answer.has("error")).isTrue();
          answer = client.read();
        }
      }
    }
  }

  @Test
  void answersQuitBeforeItCloses() throws IOException, InterruptedException {
    try (RawClient client = RawClient.negotiated(socket)) {
      client.send("{\"execute\":\"quit\",\"id\":5}\n");
      assertThat(machine.quit.await(10, TimeUnit.SECONDS)).isTrue();
      server.close();
      JsonNode event = client.read();
      assertThat(event.path("event").asText()).isEqualTo("SHUTDOWN");
      assertThat(event.path("data")).hasToString("{\"guest\":false,\"reason\":\"host-qmp-quit\"}");
      assertThat(client.read().path("id").asInt()).isEqualTo(5);
      assertThatThrownBy(client::readLine).hasMessage("end of stream");
      assertThat(socket).doesNotExist();
    }
  }

  @Test
  void dropsAClientThatDoesNotRead() throws IOException {
    try (RawClient slow = RawClient.negotiated(socket);
        RawClient other = RawClient.negotiated(socket)) {
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
      try (RawClient client = new RawClient(socket)) {
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
    try (RawClient client = RawClient.negotiated(socket)) {
      client.send("{\"execute\":\"stop\",\"id\":1}\n");
      await().until(() -> machine.calls.contains("stop"));
      client.send("{\"execute\":\"quit\",\"id\":2}\n");
      FutureTask<Void> close =
          new FutureTask<>(
              () -> {
                server.close();
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
    try (RawClient client = RawClient.negotiated(socket)) {
      server.close();
      assertThatThrownBy(client::readLine).hasMessage("end of stream");
    }
  }

  @Test
  void onlyTheOwnerMayConnect() throws IOException {
    assertThat(Files.getPosixFilePermissions(socket))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    try (var left = Files.list(socket.toAbsolutePath().getParent())) {
      assertThat(left).containsExactly(socket.toAbsolutePath());
    }
  }

  @Test
  void refusesABusyPathAndReplacesAStaleOne() throws IOException {
    assertThatThrownBy(() -> QmpServer.start(machine, socket))
        .isInstanceOf(IOException.class)
        .hasMessage("cannot listen on " + socket + ": another process listens there");
    Path stale = socket.resolveSibling("stale");
    java.nio.channels.ServerSocketChannel abandoned =
        java.nio.channels.ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX);
    abandoned.bind(java.net.UnixDomainSocketAddress.of(stale));
    abandoned.close();
    assertThat(stale).exists();
    QmpServer.start(machine, stale).close();
    assertThat(stale).doesNotExist();

    Path file = Files.writeString(socket.resolveSibling("file"), "precious");
    assertThatThrownBy(() -> QmpServer.start(machine, file))
        .hasMessageEndingWith("it is not a socket");
    assertThat(file).hasContent("precious");
    assertThatThrownBy(() -> QmpServer.start(machine, socket.resolve("no/where")))
        .hasMessageEndingWith("its directory does not exist");
  }
}
