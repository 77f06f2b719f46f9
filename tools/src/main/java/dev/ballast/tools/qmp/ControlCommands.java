package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmException;
import java.util.List;

/** Commands that run, stop and end the machine. */
record ControlCommands(VirtualMachine vm) {
  /** An action of the machine without a result. */
  @FunctionalInterface
  private interface Action {
    void run() throws VmException;
  }

  List<QmpCommand> commands() {
    return List.of(
        action("inject-nmi", vm::injectNmi),
        action("stop", vm::stop),
        action("cont", vm::cont),
        action("system_reset", vm::reset),
        action("system_powerdown", vm::powerdown),
        action("quit", vm::quit));
  }

  private static QmpCommand action(String name, Action action) {
    return QmpCommand.action(
        name,
        arguments -> {
          action.run();
          return empty();
        });
  }

  private static JsonNode empty() {
    return Json.object();
  }
}
