package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.tools.vm.MigrationStatus;
import dev.ballast.tools.vm.VmEvent;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Events about migrations: only for clients that asked for them, in the order of what happened. */
@Timeout(30)
class MigrationEventsTest {
  @TempDir Path directory;
  private final FakeMachine machine = new FakeMachine();
  private Path socket;
  private QmpServer server;

  @BeforeEach
  void start() throws IOException {
    socket = directory.resolve("qmp");
    server = QmpServer.start(machine, socket);
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
  }

  private void migrate() {
    machine.emit(new VmEvent.MigrationChanged(MigrationStatus.SETUP));
    machine.emit(new VmEvent.MigrationChanged(MigrationStatus.ACTIVE));
    machine.emit(new VmEvent.MigrationPass(1));
    machine.emit(new VmEvent.Stopped());
    machine.emit(new VmEvent.MigrationChanged(MigrationStatus.DEVICE));
    machine.emit(new VmEvent.MigrationPass(2));
    machine.emit(new VmEvent.MigrationChanged(MigrationStatus.COMPLETED));
    machine.emit(new VmEvent.Resumed());
  }

  private static String event(RawClient client) throws IOException {
    var message = client.read();
    var data = message.path("data");
    return message.path("event").asText()
        + (data.has("status") ? " " + data.path("status").asText() : "")
        + (data.has("pass") ? " " + data.path("pass").asLong() : "");
  }

  @Test
  void withoutTheCapabilityOnlyTheRunStateIsTold() throws IOException {
    try (RawClient client = RawClient.negotiated(socket)) {
      client.ask("{'execute':'query-name'}");
      migrate();
      assertThat(event(client)).isEqualTo("STOP");
      assertThat(event(client)).isEqualTo("RESUME");
    }
  }

  @Test
  void withTheCapabilityAllIsToldInOrder() throws IOException {
    try (RawClient client = RawClient.negotiated(socket)) {
      client.ask(
          "{'execute':'migrate-set-capabilities','arguments':{'capabilities':"
              + "[{'capability':'events','state':true}]}}");
      migrate();
      for (String expected :
          new String[] {
            "MIGRATION setup",
            "MIGRATION active",
            "MIGRATION_PASS 1",
            "STOP",
            "MIGRATION device",
            "MIGRATION_PASS 2",
            "MIGRATION completed",
            "RESUME"
          }) {
        assertThat(event(client)).isEqualTo(expected);
      }
    }
  }
}
