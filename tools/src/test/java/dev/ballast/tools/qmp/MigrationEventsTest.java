package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.tools.vm.VmEvent;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Events about migrations: only for clients that asked for them, in the order of what happened. */
@Timeout(30)
class MigrationEventsTest {
  @RegisterExtension private final ServedMachine served = new ServedMachine();
  private final FakeMachine machine = served.machine;

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
    try (RawClient client = served.negotiated()) {
      client.ask("{'execute':'query-name'}");
      migrate();
      assertThat(event(client)).isEqualTo("STOP");
      assertThat(event(client)).isEqualTo("RESUME");
    }
  }

  @Test
  void withTheCapabilityAllIsToldInOrder() throws IOException {
    try (RawClient client = served.negotiated()) {
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
