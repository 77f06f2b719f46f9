package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmException;
import java.util.List;

/**
 * Commands about vCPUs. {@code query-cpus}, which QEMU had up to 5.2, stops the guest for a moment.
 */
record VcpuCommands(VirtualMachine vm) {
  List<QmpCommand> commands() {
    return List.of(
        QmpCommand.of("query-cpus-fast", arguments -> fast()),
        QmpCommand.of("query-cpus", arguments -> slow()));
  }

  private JsonNode fast() {
    ArrayNode vcpus = Json.object().arrayNode();
    for (VirtualMachine.Vcpu vcpu : vm.vcpus()) {
      vcpus
          .addObject()
          .put("cpu-index", vcpu.index())
          .put("qom-path", path(vcpu))
          .put("thread-id", vcpu.threadId())
          .put("target", "x86_64");
    }
    return vcpus;
  }

  private JsonNode slow() throws VmException {
    ArrayNode vcpus = Json.object().arrayNode();
    for (VirtualMachine.VcpuSnapshot snapshot : vm.vcpuSnapshots()) {
      VirtualMachine.Vcpu vcpu = snapshot.vcpu();
      vcpus
          .addObject()
          .put("CPU", vcpu.index())
          .put("current", vcpu.index() == 0)
          .put("halted", snapshot.halted())
          .put("qom_path", path(vcpu))
          .put("thread_id", vcpu.threadId())
          .put("arch", "x86")
          // Signed, as there: addresses of a kernel are negative.
          .put("pc", snapshot.sregs().cs().base() + snapshot.regs().rip());
    }
    return vcpus;
  }

  private static String path(VirtualMachine.Vcpu vcpu) {
    return "/machine/cpu[" + vcpu.index() + "]";
  }
}
