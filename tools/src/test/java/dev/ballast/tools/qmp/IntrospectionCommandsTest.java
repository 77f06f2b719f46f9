package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.vm.MigrationStatus;
import dev.ballast.tools.vm.ShutdownCause;
import dev.ballast.tools.vm.VmEvent;
import dev.ballast.vmm.machine.PanicAction;
import java.io.IOException;
import java.time.Clock;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
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

  private Map<String, JsonNode> schema() throws IOException {
    Map<String, JsonNode> schema = new HashMap<>();
    try (RawClient client = served.negotiated()) {
      for (JsonNode entry : client.ask("{'execute':'query-qmp-schema'}").path("return")) {
        assertThat(schema.put(entry.path("name").asText(), entry)).isNull();
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

  private static Set<String> named(Map<String, JsonNode> schema, String metaType) {
    Set<String> names = new HashSet<>(schema.keySet());
    names.removeIf(name -> !schema.get(name).path("meta-type").asText().equals(metaType));
    return names;
  }

  @Test
  void theSchemaHasAllCommandsAndEvents() throws IOException {
    Map<String, JsonNode> schema = schema();
    assertThat(named(schema, "command"))
        .isEqualTo(names("query-commands"))
        .contains("qmp_capabilities", "query-qmp-schema", "migrate");
    assertThat(named(schema, "event"))
        .isEqualTo(names("query-events"))
        .contains("STOP", "MIGRATION_PASS");
  }

  @Test
  void everyTypeThatIsNamedIsDescribed() throws IOException {
    Map<String, JsonNode> schema = schema();
    schema.forEach(
        (name, entry) -> {
          for (String reference : List.of("arg-type", "ret-type", "element-type")) {
            if (entry.has(reference)) {
              assertThat(schema).as(name).containsKey(entry.path(reference).asText());
            }
          }
          for (JsonNode member : entry.path("members")) {
            if (member.has("type")) {
              assertThat(schema).as(name).containsKey(member.path("type").asText());
            }
          }
        });
  }

  @Test
  void argumentsAreThoseThatAreChecked() throws IOException {
    Map<String, JsonNode> schema = schema();
    assertThat(members(schema, "migrate"))
        .hasToString(
            "[{\"name\":\"uri\",\"type\":\"str\"},"
                + "{\"name\":\"detach\",\"type\":\"bool\",\"default\":null}]");
    assertThat(members(schema, "stop")).isEmpty();
    assertThat(schema.get("stop").path("ret-type"))
        .isEqualTo(schema.get("stop").path("arg-type"))
        .isEqualTo(schema.get("qom-set").path("ret-type"));
    assertThat(schema.get("query-status").path("ret-type").asText()).isEqualTo("any");
    assertThat(schema.get("human-monitor-command").path("ret-type").asText()).isEqualTo("str");

    JsonNode list = schema.get(members(schema, "migrate-set-capabilities").at("/0/type").asText());
    assertThat(list.path("meta-type").asText()).isEqualTo("array");
    JsonNode change = schema.get(list.path("element-type").asText()).path("members");
    JsonNode names = schema.get(change.at("/0/type").asText());
    assertThat(names.path("meta-type").asText()).isEqualTo("enum");
    assertThat(names.path("values").toString()).contains("\"skip-balloon\"", "\"events\"");
    assertThat(names.path("members").get(0).path("name")).isEqualTo(names.path("values").get(0));
    assertThat(change.at("/1/type").asText()).isEqualTo("bool");
  }

  private static JsonNode members(Map<String, JsonNode> schema, String command) {
    return schema.get(schema.get(command).path("arg-type").asText()).path("members");
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
      EventTypes.ALL.get(name).check("", data);
    }
    assertThat(names).isEqualTo(EventTypes.ALL.keySet());
  }

  @SuppressWarnings("unchecked")
  private static Class<? extends VmEvent>[] permitted() {
    return (Class<? extends VmEvent>[]) VmEvent.class.getPermittedSubclasses();
  }
}
