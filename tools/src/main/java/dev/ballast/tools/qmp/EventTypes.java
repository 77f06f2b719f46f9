package dev.ballast.tools.qmp;

import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.Bool;
import dev.ballast.tools.qmp.ArgumentType.Int;
import dev.ballast.tools.qmp.ArgumentType.OneOf;
import dev.ballast.tools.qmp.ArgumentType.Str;
import dev.ballast.tools.qmp.ArgumentType.Struct;
import dev.ballast.tools.vm.ShutdownCause;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The types of all events that {@link EventJson} converts. */
final class EventTypes {
  /** By name. */
  static final Map<String, Struct> ALL =
      new TreeMap<>(
          Map.of(
              "STOP", Struct.EMPTY,
              "RESUME", Struct.EMPTY,
              "POWERDOWN", Struct.EMPTY,
              "RESET",
                  Struct.of(
                      Argument.required("guest", new Bool()),
                      Argument.required("reason", new Str())),
              "SHUTDOWN",
                  Struct.of(
                      Argument.required("guest", new Bool()),
                      Argument.required(
                          "reason",
                          new OneOf(
                              Stream.of(ShutdownCause.values())
                                  .map(ShutdownCause::qmpName)
                                  .toList()))),
              "GUEST_PANICKED", Struct.of(Argument.required("action", new Str())),
              "GUEST_CRASHLOADED", Struct.of(Argument.required("action", new Str())),
              "BALLOON_CHANGE", Struct.of(Argument.required("actual", new Int(0, Long.MAX_VALUE))),
              "MIGRATION",
                  Struct.of(
                      Argument.required(
                          "status",
                          new OneOf(
                              Stream.of(MigrationStatus.values())
                                  .map(MigrationStatus::qmpName)
                                  .toList()))),
              "MIGRATION_PASS", Struct.of(Argument.required("pass", new Int(1, Long.MAX_VALUE)))));

  private EventTypes() {}
}
