package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All commands of a machine, by name. Any thread. */
final class CommandTable {
  private static final Logger log = LoggerFactory.getLogger(CommandTable.class);

  private static final List<String> REQUEST_MEMBERS = List.of("execute", "arguments", "id");

  private final Map<String, QmpCommand> commands = new TreeMap<>();

  CommandTable(VirtualMachine vm) {
    // Answered before any other, and by the session itself: here to be listed.
    add(CapabilityNegotiation.COMMAND);
    new IntrospectionCommands(commands.values()).commands().forEach(this::add);
    new ControlCommands(vm).commands().forEach(this::add);
    new InfoCommands(vm).commands().forEach(this::add);
    new VcpuCommands(vm).commands().forEach(this::add);
    new DeviceCommands(vm).commands().forEach(this::add);
    new HumanCommands(vm).commands().forEach(this::add);
    new BalloonCommands(vm).commands().forEach(this::add);
    new QomCommands(vm).commands().forEach(this::add);
    new MigrationCommands(vm.migration()).commands().forEach(this::add);
  }

  private void add(QmpCommand command) {
    if (commands.put(command.name(), command) != null) {
      throw new IllegalStateException("two commands are named " + command.name());
    }
  }

  /**
   * A well-formed request.
   *
   * @param command the name of the command
   * @param arguments the arguments, empty when there were none
   */
  record Request(String command, ObjectNode arguments) {
    /**
     * Parses a message.
     *
     * @throws QmpException if the form is wrong
     */
    static Request of(ObjectNode request) throws QmpException {
      Optional<String> unexpected =
          request
              .propertyStream()
              .map(Map.Entry::getKey)
              .filter(name -> !REQUEST_MEMBERS.contains(name))
              .findFirst();
      if (unexpected.isPresent()) {
        throw QmpException.generic("QMP input member '" + unexpected.get() + "' is unexpected");
      }
      JsonNode name = request.path("execute");
      if (name.isMissingNode()) {
        throw QmpException.generic("QMP input lacks member 'execute'");
      }
      if (!name.isTextual()) {
        throw QmpException.generic("QMP input member 'execute' must be a string");
      }
      JsonNode arguments = request.path("arguments");
      if (arguments.isMissingNode()) {
        return new Request(name.textValue(), Json.object());
      }
      if (!(arguments instanceof ObjectNode members)) {
        throw QmpException.generic("QMP input member 'arguments' must be an object");
      }
      return new Request(name.textValue(), members);
    }
  }

  /**
   * Runs a command.
   *
   * @return what to answer
   * @throws QmpException that is the answer
   */
  JsonNode run(Request request) throws QmpException {
    QmpCommand command = commands.get(request.command());
    if (command == null) {
      throw new QmpException(
          QmpErrorClass.COMMAND_NOT_FOUND,
          "The command " + request.command() + " has not been found");
    }
    command.arguments().check("", request.arguments());
    try {
      return command.handler().run(request.arguments());
    } catch (VmException e) {
      throw QmpException.generic(String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      // A client must get an answer, and may go on with other commands.
      log.error("QMP: {}: a defect of this program", request.command(), e);
      throw QmpException.generic("a defect of this program: " + e);
    }
  }
}
