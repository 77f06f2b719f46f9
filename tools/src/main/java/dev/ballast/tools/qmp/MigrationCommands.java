package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.migration.source.MigrationParameter;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.ArrayOf;
import dev.ballast.tools.qmp.ArgumentType.Bool;
import dev.ballast.tools.qmp.ArgumentType.Int;
import dev.ballast.tools.qmp.ArgumentType.OneOf;
import dev.ballast.tools.qmp.ArgumentType.Str;
import dev.ballast.tools.qmp.ArgumentType.Struct;
import dev.ballast.tools.vm.MigrationCapability;
import dev.ballast.tools.vm.MigrationControl;
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
        QmpCommand.action(
            "migrate",
            this::migrate,
            Argument.required("uri", new Str()),
            Argument.optional("detach", new Bool())),
        QmpCommand.action("migrate_cancel", this::cancel),
        QmpCommand.action("migrate-incoming", this::incoming, Argument.required("uri", new Str())),
        QmpCommand.of(
            "query-migrate",
            arguments -> MigrationJson.of(migration.progress(), migration.listening())),
        QmpCommand.action(
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
        QmpCommand.action(
            "migrate-set-parameters",
            this::setParameters,
            MigrationParameter.ALL.stream()
                .map(parameter -> Argument.optional(parameter.qmpName(), type(parameter)))
                .toArray(Argument[]::new)),
        QmpCommand.of("query-migrate-parameters", arguments -> parameters()));
  }

  private JsonNode migrate(ObjectNode arguments) throws VmException {
    migration.start(arguments.get("uri").textValue());
    return Json.object();
  }

  private JsonNode cancel(ObjectNode arguments) throws VmException {
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

  private static ArgumentType type(MigrationParameter parameter) {
    return switch (parameter) {
      case MigrationParameter.Numeric numeric -> new Int(numeric.min(), numeric.max());
      case MigrationParameter.Choice choice -> new OneOf(choice.words());
    };
  }

  private JsonNode setParameters(ObjectNode arguments) {
    MigrationParameters changed = migration.parameters();
    for (MigrationParameter parameter : MigrationParameter.ALL) {
      JsonNode value = arguments.get(parameter.qmpName());
      if (value != null) {
        changed =
            switch (parameter) {
              case MigrationParameter.Numeric numeric -> numeric.with(changed, value.longValue());
              case MigrationParameter.Choice choice -> choice.with(changed, value.textValue());
            };
      }
    }
    migration.setParameters(changed);
    return Json.object();
  }

  private JsonNode parameters() {
    MigrationParameters parameters = migration.parameters();
    ObjectNode result = Json.object();
    for (MigrationParameter parameter : MigrationParameter.ALL) {
      switch (parameter) {
        case MigrationParameter.Numeric numeric ->
            result.put(parameter.qmpName(), numeric.get(parameters));
        case MigrationParameter.Choice choice ->
            result.put(parameter.qmpName(), choice.get(parameters));
      }
    }
    return result;
  }
}
