package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.ArrayOf;
import dev.ballast.tools.qmp.ArgumentType.Bool;
import dev.ballast.tools.qmp.ArgumentType.Int;
import dev.ballast.tools.qmp.ArgumentType.OneOf;
import dev.ballast.tools.qmp.ArgumentType.Str;
import dev.ballast.tools.qmp.ArgumentType.Struct;
import dev.ballast.tools.vm.MigrationCapability;
import dev.ballast.tools.vm.MigrationControl;
import dev.ballast.tools.vm.MigrationParameters;
import dev.ballast.tools.vm.VmException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Commands about migration. */
record MigrationCommands(MigrationControl migration) {
  private static final OneOf CAPABILITY =
      new OneOf(Stream.of(MigrationCapability.values()).map(MigrationCapability::qmpName).toList());

  List<QmpCommand> commands() {
    return List.of(
        // A migration always goes on in the background: "detach" is taken because clients send it.
        QmpCommand.of(
            "migrate",
            this::migrate,
            Argument.required("uri", new Str()),
            Argument.optional("detach", new Bool())),
        QmpCommand.of("migrate_cancel", this::cancel),
        QmpCommand.of("migrate-incoming", this::incoming, Argument.required("uri", new Str())),
        QmpCommand.of("query-migrate", arguments -> MigrationJson.of(migration.info())),
        QmpCommand.of(
            "migrate-set-capabilities",
            this::setCapabilities,
            Argument.required(
                "capabilities",
                new ArrayOf(
                    new Struct(
                        List.of(
                            Argument.required("capability", CAPABILITY),
                            Argument.required("state", new Bool())))))),
        QmpCommand.of("query-migrate-capabilities", arguments -> capabilities()),
        QmpCommand.of(
            "migrate-set-parameters",
            this::setParameters,
            Argument.optional("max-bandwidth", new Int(0, Long.MAX_VALUE)),
            Argument.optional(
                "downtime-limit", new Int(0, MigrationParameters.MAX_DOWNTIME_LIMIT_MILLIS))),
        QmpCommand.of("query-migrate-parameters", arguments -> parameters()));
  }

  private JsonNode migrate(ObjectNode arguments) throws VmException {
    migration.start(arguments.get("uri").textValue());
    return Json.object();
  }

  private JsonNode cancel(ObjectNode arguments) {
    migration.cancel();
    return Json.object();
  }

  private JsonNode incoming(ObjectNode arguments) throws VmException {
    migration.startIncoming(arguments.get("uri").textValue());
    return Json.object();
  }

  private JsonNode setCapabilities(ObjectNode arguments) throws VmException {
    Map<MigrationCapability, Boolean> changes = new EnumMap<>(MigrationCapability.class);
    for (JsonNode change : arguments.get("capabilities")) {
      changes.put(
          MigrationCapability.of(change.get("capability").textValue()).orElseThrow(),
          change.get("state").booleanValue());
    }
    migration.setCapabilities(changes);
    return Json.object();
  }

  private JsonNode capabilities() {
    ArrayNode result = Json.object().arrayNode();
    migration
        .capabilities()
        .forEach(
            (capability, state) ->
                result.addObject().put("capability", capability.qmpName()).put("state", state));
    return result;
  }

  private JsonNode setParameters(ObjectNode arguments) {
    MigrationParameters parameters = migration.parameters();
    if (arguments.has("max-bandwidth")) {
      parameters = parameters.withMaxBandwidth(arguments.get("max-bandwidth").longValue());
    }
    if (arguments.has("downtime-limit")) {
      parameters = parameters.withDowntimeLimit(arguments.get("downtime-limit").longValue());
    }
    migration.setParameters(parameters);
    return Json.object();
  }

  private JsonNode parameters() {
    MigrationParameters parameters = migration.parameters();
    return Json.object()
        .put("max-bandwidth", parameters.maxBandwidth())
        .put("downtime-limit", parameters.downtimeLimitMillis());
  }
}
