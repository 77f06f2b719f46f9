package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.Version;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.ArrayOf;
import dev.ballast.tools.qmp.ArgumentType.OneOf;
import java.util.List;

/**
 * The capabilities negotiation of one client: a greeting, and one command that must come before all
 * others.
 */
final class CapabilityNegotiation {
  private static final String NAME = "qmp_capabilities";

  /** The command, for lists of commands. */
  static final QmpCommand COMMAND =
      QmpCommand.action(
          NAME,
          arguments -> Json.object(),
          Argument.optional("enable", new ArrayOf(new OneOf(List.of()))));

  private boolean complete;

  static ObjectNode greeting() {
    ObjectNode greeting = Json.object();
    ObjectNode qmp = greeting.putObject("QMP");
    qmp.set("version", version());
    qmp.putArray("capabilities");
    return greeting;
  }

  /** The value of {@code query-version}: the numbers are Ballast's own, not QEMU's. */
  static ObjectNode version() {
    ObjectNode version = Json.object();
    version
        .putObject("qemu")
        .put("major", Version.CURRENT.number(0))
        .put("minor", Version.CURRENT.number(1))
        .put("micro", Version.CURRENT.number(2));
    version.put("package", "ballast-" + Version.CURRENT.text());
    return version;
  }

  boolean isComplete() {
    return complete;
  }

  /**
   * Handles a request if it is the negotiation itself.
   *
   * @return whether it was the negotiation itself, and is done
   * @throws QmpException if it may not come now
   */
  boolean handle(CommandTable.Request request) throws QmpException {
    boolean negotiation = request.command().equals(NAME);
    if (complete && negotiation) {
      throw new QmpException(
          QmpErrorClass.COMMAND_NOT_FOUND,
          "Capabilities negotiation is already complete, command ignored");
    }
    if (!complete && !negotiation) {
      throw new QmpException(
          QmpErrorClass.COMMAND_NOT_FOUND,
          "Expecting capabilities negotiation with '" + NAME + "'");
    }
    if (negotiation) {
      COMMAND.arguments().check("", request.arguments());
      complete = true;
    }
    return negotiation;
  }
}
