package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.ballast.tools.vm.VirtualMachine;
import java.util.List;
import java.util.stream.Stream;

/** Commands about devices, including kinds of which a machine has none. */
record DeviceCommands(VirtualMachine vm) {
  List<QmpCommand> commands() {
    return Stream.concat(
            Stream.of(QmpCommand.of("query-chardev", arguments -> characterDevices())),
            Stream.of(
                    "query-block",
                    "query-blockstats",
                    "query-block-jobs",
                    "query-iothreads",
                    "query-pci")
                .map(name -> QmpCommand.of(name, arguments -> Json.object().arrayNode())))
        .toList();
  }

  private JsonNode characterDevices() {
    ArrayNode devices = Json.object().arrayNode();
    devices
        .addObject()
        .put("label", "serial0")
        .put("filename", vm.serialFilename())
        .put("frontend-open", true);
    return devices;
  }
}
