package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.tools.vm.ShutdownCause;
import dev.ballast.tools.vm.VmEvent;
import dev.ballast.vmm.machine.PanicAction;
import java.io.IOException;
import java.time.Clock;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What there is to ask for and to hear of, as machines read it. */
@Timeout(30)
class IntrospectionCommandsTest {
  /** One of each kind. */
  private static final List<VmEvent> EVENTS =
      List.of(
          new VmEvent.Stopped(),
          new VmEvent.Resumed(),
          new VmEvent.Reset(true),
          new VmEvent.PoweredDown(),
          new VmEvent.ShutDown(ShutdownCause.HOST_UI),
          new VmEvent.GuestPanicked(PanicAction.STOP),
          new VmEvent.GuestCrashLoaded(),
          new VmEvent.BalloonChanged(1),
          new VmEvent.MigrationChanged(MigrationStatus.ACTIVE),
          new VmEvent.MigrationPass(1));

  @RegisterExtension private final ServedMachine served = new ServedMachine();

  /** Returns what is described, by name. */
  private ObjectNode schema() throws IOException {
    ObjectNode schema = Json.object();
    try (RawClient client = served.negotiated()) {
      for (JsonNode entry : client.ask("{'execute':'query-qmp-schema'}").path("return")) {
        String name = entry.path("name").asText();
        assertThat(schema.has(name)).as(name).isFalse();
        schema.set(name, entry);
      }
    }
    return schema;
  }

  private Set<String> names(String command) throws IOException {
    Set<String> names = new HashSet<>();
    try (RawClient client = served.negotiated()) {
      for (JsonNode entry : client.ask("{'execute':'" + command + "'}").path("return")) {
        names.add(entry.path("name").asText());
      }
    }
    return names;
  }

  private static Set<String> named(JsonNode schema, String metaType) {
    Set<String> names = new HashSet<>();
    for (JsonNode entry : schema) {
      if (entry.path("meta-type").asText().equals(metaType)) {
        names.add(entry.path("name").asText());
      }
    }
    return names;
  }

  @Test
  void theSchemaHasAllCommandsAndEvents() throws IOException {
    JsonNode schema = schema();
    assertThat(named(schema, "command"))
        .isEqualTo(names("query-commands"))
        .contains("qmp_capabilities", "query-qmp-schema", "migrate");
    assertThat(named(schema, "event"))
        .isEqualTo(names("query-events"))
        .contains("STOP", "MIGRATION_PASS");
  }

  @Test
  void everyTypeThatIsNamedIsDescribed() throws IOException {
    JsonNode schema = schema();
    for (JsonNode entry : schema) {
      Set<String> references = new HashSet<>();
      for (String reference : List.of("arg-type", "ret-type", "element-type")) {
        references.add(entry.path(reference).asText());
      }
      entry.path("members").forEach(member -> references.add(member.path("type").asText()));
      references.remove("");
      for (String reference : references) {
        assertThat(schema.has(reference)).as("%s of %s", reference, entry).isTrue();
      }
    }
  }

  @Test
  void argumentsAreThoseThatAreChecked() throws IOException {
    JsonNode schema = schema();
    assertThat(members(schema, "migrate"))
        .hasToString(
            "[{\"name\":\"uri\",\"type\":\"str\"},"
                + "{\"name\":\"detach\",\"type\":\"bool\",\"default\":null}]");
    assertThat(members(schema, "stop")).isEmpty();
    assertThat(schema.path("stop").path("ret-type"))
        .isEqualTo(schema.path("stop").path("arg-type"))
        .isEqualTo(schema.path("qom-set").path("ret-type"));
    assertThat(schema.path("query-status").path("ret-type").asText()).isEqualTo("any");
    assertThat(schema.path("human-monitor-command").path("ret-type").asText()).isEqualTo("str");

    JsonNode list = schema.path(members(schema, "migrate-set-capabilities").at("/0/type").asText());
    assertThat(list.path("meta-type").asText()).isEqualTo("array");
    JsonNode change = schema.path(list.path("element-type").asText()).path("members");
    JsonNode names = schema.path(change.at("/0/type").asText());
    assertThat(names.path("meta-type").asText()).isEqualTo("enum");
    assertThat(names.path("values").toString()).contains("\"skip-balloon\"", "\"events\"");
    assertThat(names.path("members").get(0).path("name")).isEqualTo(names.path("values").get(0));
    assertThat(change.at("/1/type").asText()).isEqualTo("bool");
  }

  private static JsonNode members(JsonNode schema, String command) {
    return schema.path(schema.path(command).path("arg-type").asText()).path("members");
  }

  @Test
  void anEventIsAsTheSchemaSays() throws QmpException {
    assertThat(EVENTS.stream().map(VmEvent::getClass))
        .as("one of each")
        .containsExactlyInAnyOrder(permitted());
    Set<String> names = new HashSet<>();
    for (VmEvent event : EVENTS) {
      JsonNode message = EventJson.of(event, Clock.systemUTC());
      String name = message.path("event").asText();
      names.add(name);
      JsonNode data = message.has("data") ? message.get("data") : Json.object();
      assertThat(EventTypes.ALL).containsKey(name);
      Objects.requireNonNull(EventTypes.ALL.get(name)).check("", data);
    }
    assertThat(names).isEqualTo(EventTypes.ALL.keySet());
  }

  @SuppressWarnings("unchecked")
  private static Class<? extends VmEvent>[] permitted() {
    return (Class<? extends VmEvent>[]) VmEvent.class.getPermittedSubclasses();
  }
}
