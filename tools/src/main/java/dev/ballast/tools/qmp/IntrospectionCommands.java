package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.util.Collection;
import java.util.List;

/**
 * Commands that describe all commands and events.
 *
 * @param all every command, these too; may be filled later
 */
record IntrospectionCommands(Collection<QmpCommand> all) {
  List<QmpCommand> commands() {
    return List.of(
        QmpCommand.of(
            "query-commands", arguments -> names(all.stream().map(QmpCommand::name).toList())),
        // QEMU had it up to 5.2.
        QmpCommand.of("query-events", arguments -> names(EventTypes.ALL.keySet())),
        QmpCommand.of("query-qmp-schema", arguments -> Schema.of(all, EventTypes.ALL)));
  }

  private static JsonNode names(Collection<String> all) {
    ArrayNode names = Json.object().arrayNode();
    all.forEach(name -> names.addObject().put("name", name));
    return names;
  }
}
