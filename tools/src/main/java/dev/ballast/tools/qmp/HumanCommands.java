package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.Int;
import dev.ballast.tools.qmp.ArgumentType.Str;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmException;
import java.util.List;

/**
 * {@code human-monitor-command}: what QEMU's monitor for people says, as some clients take it
 * apart. There is {@code info}, with {@link HumanInfo a few words} after it. What is wrong with a
 * line is said in the answer, which is no error.
 */
record HumanCommands(VirtualMachine vm) {
  private static final String INFO = "info";

  List<QmpCommand> commands() {
    return List.of(
        QmpCommand.of(
                "human-monitor-command",
                this::run,
                Argument.required("command-line", new Str()),
                Argument.optional("cpu-index", new Int(Long.MIN_VALUE, Long.MAX_VALUE)))
            .returning(new Str()));
  }

  private JsonNode run(ObjectNode arguments) throws QmpException, VmException {
    long vcpu = arguments.path("cpu-index").asLong(0);
    if (vcpu < 0 || vcpu >= vm.vcpus().size()) {
      throw QmpException.generic("Parameter 'cpu-index' expects a CPU number");
    }
    String text = answer(arguments.get("command-line").textValue().strip(), (int) vcpu);
    // A monitor is a terminal.
    return Json.object().textNode(text.replace("\n", "\r\n"));
  }

  private String answer(String line, int vcpu) throws VmException {
    if (line.isEmpty()) {
      return "";
    }
    List<String> words = List.of(line.split("\\s+"));
    if (!words.getFirst().equals(INFO)) {
      return unknown(words.getFirst());
    }
    if (words.size() == 1) {
      return HumanInfo.help();
    }
    HumanInfo info = HumanInfo.of(words.get(1));
    if (info == null) {
      return unknown(INFO + " " + words.get(1));
    }
    if (words.size() == 2) {
      return info.text(vm, vcpu);
    }
    if (info == HumanInfo.REGISTERS && words.subList(2, words.size()).equals(List.of("-a"))) {
      return RegisterText.of(vm.vcpuSnapshots());
    }
    return "%s: extraneous characters at the end of line\nTry \"help info %s\" for more information\n"
        .formatted(words.get(1), words.get(1));
  }

  private static String unknown(String command) {
    return "unknown command: '" + command + "'\n";
  }
}
