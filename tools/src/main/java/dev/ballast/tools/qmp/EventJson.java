package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.vm.VmEvent;
import dev.ballast.vmm.machine.PanicAction;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoField;

/** Converts events of the machine to messages. */
final class EventJson {
  private EventJson() {}

  static ObjectNode of(VmEvent event, Clock clock) {
    return switch (event) {
      case VmEvent.Stopped() -> message("STOP", clock);
      case VmEvent.Resumed() -> message("RESUME", clock);
      case VmEvent.PoweredDown() -> message("POWERDOWN", clock);
      case VmEvent.Reset(boolean byGuest) ->
          message(
              "RESET",
              clock,
              Json.object()
                  .put("guest", byGuest)
                  .put("reason", byGuest ? "guest-reset" : "host-qmp-system-reset"));
      case VmEvent.ShutDown(var cause) ->
          message(
              "SHUTDOWN",
              clock,
              Json.object().put("guest", cause.byGuest()).put("reason", cause.qmpName()));
      case VmEvent.GuestPanicked(var action) ->
          message("GUEST_PANICKED", clock, Json.object().put("action", panicAction(action)));
      case VmEvent.GuestCrashLoaded() ->
          message("GUEST_CRASHLOADED", clock, Json.object().put("action", "run"));
      case VmEvent.BalloonChanged(long actual) ->
          message("BALLOON_CHANGE", clock, Json.object().put("actual", actual));
      case VmEvent.MigrationChanged(var status) ->
          message("MIGRATION", clock, Json.object().put("status", status.qmpName()));
      case VmEvent.MigrationPass(long pass) ->
          message("MIGRATION_PASS", clock, Json.object().put("pass", pass));
    };
  }

  /** QEMU's GuestPanicAction; it has none for a reset, of which RESET tells. */
  private static String panicAction(PanicAction action) {
    return switch (action) {
      case FAIL, POWEROFF -> "poweroff";
      case STOP -> "pause";
      case RESET, CONTINUE -> "run";
    };
  }

  private static ObjectNode message(String name, Clock clock, ObjectNode data) {
    return message(name, clock).set("data", data);
  }

  private static ObjectNode message(String name, Clock clock) {
    Instant now = clock.instant();
    ObjectNode message = Json.object();
    message
        .putObject("timestamp")
        .put("seconds", now.getEpochSecond())
        .put("microseconds", now.get(ChronoField.MICRO_OF_SECOND));
    return message.put("event", name);
  }
}
