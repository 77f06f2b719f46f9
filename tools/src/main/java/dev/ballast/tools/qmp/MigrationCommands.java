package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.migration.protocol.PageCompression;
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
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Commands about migration. */
record MigrationCommands(MigrationControl migration) {
  private static final OneOf CAPABILITY =
      new OneOf(Stream.of(MigrationCapability.values()).map(MigrationCapability::qmpName).toList());

  /** QEMU's name: there it is for multifd alone, here for every connection that pages go over. */
  private static final String COMPRESSION = "multifd-compression";

  private static final Map<String, PageCompression> COMPRESSIONS =
      Stream.of(PageCompression.values())
          .collect(Collectors.toMap(PageCompression::qmpName, Function.identity()));

  private static final Int PERCENT = new Int(1, MigrationParameters.MAX_THROTTLE_PERCENT);

  private static final Int TIMEOUT = new Int(1, MigrationParameters.MAX_TIMEOUT_MILLIS);

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
        QmpCommand.of("query-migrate", arguments -> MigrationJson.of(migration.info())),
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
            Argument.optional("max-bandwidth", new Int(0, Long.MAX_VALUE)),
            Argument.optional(
                "downtime-limit", new Int(0, MigrationParameters.MAX_DOWNTIME_LIMIT_MILLIS)),
            Argument.optional(
                "multifd-channels", new Int(1, MigrationParameters.MAX_MULTIFD_CHANNELS)),
            Argument.optional(COMPRESSION, new OneOf(List.copyOf(COMPRESSIONS.keySet()))),
            Argument.optional(
                "multifd-zstd-level",
                new Int(PageCompression.MIN_ZSTD_LEVEL, PageCompression.MAX_ZSTD_LEVEL)),
            Argument.optional("cpu-throttle-initial", PERCENT),
            Argument.optional("cpu-throttle-increment", PERCENT),
            Argument.optional("max-cpu-throttle", PERCENT),
            Argument.optional("x-connect-timeout", TIMEOUT),
            Argument.optional("x-silence-timeout", TIMEOUT),
            Argument.optional("x-timeout", new Int(0, MigrationParameters.MAX_TIMEOUT_MILLIS))),
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

  private JsonNode setParameters(ObjectNode arguments) {
    MigrationParameters now = migration.parameters();
    MigrationParameters.Compression compression = now.compression();
    MigrationParameters.Throttle throttle = now.throttle();
    MigrationParameters.Timeouts timeouts = now.timeouts();
    migration.setParameters(
        new MigrationParameters(
            value(arguments, "max-bandwidth", now.maxBandwidth()),
            value(arguments, "downtime-limit", now.downtimeLimitMillis()),
            (int) value(arguments, "multifd-channels", now.multifdChannels()),
            new MigrationParameters.Compression(
                COMPRESSIONS.getOrDefault(
                    arguments.path(COMPRESSION).asText(), compression.method()),
                (int) value(arguments, "multifd-zstd-level", compression.zstdLevel())),
            new MigrationParameters.Throttle(
                (int) value(arguments, "cpu-throttle-initial", throttle.initialPercent()),
                (int) value(arguments, "cpu-throttle-increment", throttle.incrementPercent()),
                (int) value(arguments, "max-cpu-throttle", throttle.maxPercent())),
            new MigrationParameters.Timeouts(
                value(arguments, "x-connect-timeout", timeouts.connectMillis()),
                value(arguments, "x-silence-timeout", timeouts.silenceMillis()),
                value(arguments, "x-timeout", timeouts.totalMillis()))));
    return Json.object();
  }

  private static long value(ObjectNode arguments, String name, long otherwise) {
    return arguments.has(name) ? arguments.get(name).longValue() : otherwise;
  }

  private JsonNode parameters() {
    MigrationParameters parameters = migration.parameters();
    return Json.object()
        .put("max-bandwidth", parameters.maxBandwidth())
        .put("downtime-limit", parameters.downtimeLimitMillis())
        .put("multifd-channels", parameters.multifdChannels())
        .put(COMPRESSION, parameters.compression().method().qmpName())
        .put("multifd-zstd-level", parameters.compression().zstdLevel())
        .put("cpu-throttle-initial", parameters.throttle().initialPercent())
        .put("cpu-throttle-increment", parameters.throttle().incrementPercent())
        .put("max-cpu-throttle", parameters.throttle().maxPercent())
        .put("x-connect-timeout", parameters.timeouts().connectMillis())
        .put("x-silence-timeout", parameters.timeouts().silenceMillis())
        .put("x-timeout", parameters.timeouts().totalMillis());
  }
}
