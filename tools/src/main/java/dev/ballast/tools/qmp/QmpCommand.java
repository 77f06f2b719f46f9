package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.vm.VmException;
import java.util.List;

/**
 * A command of the protocol.
 *
 * @param name its name
 * @param arguments the types of its arguments
 * @param result the type of its result
 * @param handler what it does
 */
record QmpCommand(
    String name, ArgumentType.Struct arguments, ArgumentType result, Handler handler) {
  /** Runs a command. Called on the thread of the client that sent it. */
  @FunctionalInterface
  interface Handler {
    /**
     * Runs the command.
     *
     * @param arguments checked against the command's {@link #arguments}
     * @return what to answer
     * @throws QmpException if it answers with an error of a certain class
     * @throws VmException if the machine refuses
     */
    JsonNode run(ObjectNode arguments) throws QmpException, VmException;
  }

  /** Returns a command that answers with something of which no form is promised. */
  static QmpCommand of(String name, Handler handler, ArgumentType.Argument... arguments) {
    return new QmpCommand(
        name, new ArgumentType.Struct(List.of(arguments)), new ArgumentType.Any(), handler);
  }

  /** Returns a command that does something, and answers with an empty object. */
  static QmpCommand action(String name, Handler handler, ArgumentType.Argument... arguments) {
    return of(name, handler, arguments).returning(ArgumentType.Struct.EMPTY);
  }

  /** Returns the same command with what it answers. */
  QmpCommand returning(ArgumentType type) {
    return new QmpCommand(name, arguments, type, handler);
  }
}
