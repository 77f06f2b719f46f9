package dev.ballast.tools.cli;

import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Commands that send one QMP command without arguments. */
abstract class ControlCommand implements Callable<Integer> {
  private static final Duration END_TIMEOUT = Duration.ofSeconds(30);

  @Mixin private QmpOption qmp;

  private final String qmpCommand;

  // Picocli sets the other field.
  @SuppressWarnings("NullAway.Init")
  ControlCommand(String qmpCommand) {
    this.qmpCommand = qmpCommand;
  }

  @Override
  public Integer call() throws IOException, QmpException {
    try (QmpClient client = qmp.connect()) {
      client.command(qmpCommand);
      finish(client);
    }
    return 0;
  }

  /** Waits for what the command causes. */
  void finish(QmpClient client) throws IOException {}

  /** {@code ballast stop}. */
  @Command(
      name = "stop",
      description = "Stops a guest; its memory stays.",
      mixinStandardHelpOptions = true)
  static final class Stop extends ControlCommand {
    Stop() {
      super("stop");
    }
  }

  /** {@code ballast cont}. */
  @Command(
      name = "cont",
      description = "Lets a guest that was stopped go on.",
      mixinStandardHelpOptions = true)
  static final class Cont extends ControlCommand {
    Cont() {
      super("cont");
    }
  }

  /** {@code ballast reset}. */
  @Command(
      name = "reset",
      description = "Resets a guest, which boots again; one that had crashed runs then, too.",
      mixinStandardHelpOptions = true)
  static final class Reset extends ControlCommand {
    Reset() {
      super("system_reset");
    }
  }

  /** {@code ballast powerdown}. */
  @Command(
      name = "powerdown",
      description = "Presses a guest's power button; the guest decides what follows.",
      mixinStandardHelpOptions = true)
  static final class Powerdown extends ControlCommand {
    Powerdown() {
      super("system_powerdown");
    }
  }

  /** {@code ballast quit}. */
  @Command(
      name = "quit",
      description = "Ends a machine at once, as if its plug were pulled.",
      mixinStandardHelpOptions = true)
  static final class Quit extends ControlCommand {
    Quit() {
      super("quit");
    }

    @Override
    void finish(QmpClient client) throws IOException {
      if (!client.awaitEnd(END_TIMEOUT)) {
        throw new IOException("the machine has not ended within " + END_TIMEOUT.toSeconds() + " s");
      }
    }
  }
}
