package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.Int;
import dev.ballast.tools.vm.MemoryMap;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmException;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.util.List;

/** Commands that query the machine and change nothing. */
record InfoCommands(VirtualMachine vm) {
  private static final int DEFAULT_CELLS = 512;
  private static final int MAX_CELLS = 1 << 12;

  List<QmpCommand> commands() {
    return List.of(
        QmpCommand.of("query-status", arguments -> status()),
        QmpCommand.of("query-version", arguments -> CapabilityNegotiation.version()),
        QmpCommand.of("query-name", arguments -> name()),
        QmpCommand.of(
            "query-kvm", arguments -> Json.object().put("enabled", true).put("present", true)),
        QmpCommand.of("query-uuid", arguments -> Json.object().put("UUID", vm.uuid().toString())),
        QmpCommand.of("query-memory-size-summary", arguments -> memorySize()),
        QmpCommand.of(
            "x-query-memory-map",
            this::memoryMap,
            Argument.optional("cells", new Int(1, MAX_CELLS))));
  }

  private JsonNode status() {
    RunState state = vm.runState();
    return Json.object()
        .put("running", state == RunState.RUNNING)
        .put("singlestep", false)
        .put("status", state.qmpName());
  }

  private JsonNode name() {
    ObjectNode name = Json.object();
    return vm.name().isEmpty() ? name : name.put("name", vm.name());
  }

  private JsonNode memorySize() {
    return Json.object().put("base-memory", vm.memoryBytes()).put("plugged-memory", 0);
  }

  private JsonNode memoryMap(ObjectNode arguments) throws VmException {
    MemoryMap map = vm.memoryMap(arguments.path("cells").asInt(DEFAULT_CELLS));
    ObjectNode result =
        Json.object()
            .put("page-size", RamBlock.PAGE_SIZE)
            .put("pages-per-cell", map.pagesPerCell());
    ArrayNode cells = result.putArray("cells");
    for (MemoryMap.Cell cell : map.cells()) {
      cells
          .addObject()
          .put("ballooned", cell.ballooned())
          .put("untouched", cell.untouched())
          .put("zero", cell.zero())
          .put("data", cell.data());
    }
    return result;
  }
}
