package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;

/** Every command explains itself. */
class HelpTest {
  private static List<CommandLine> commands() {
    List<CommandLine> commands = new ArrayList<>(List.of(Ballast.commandLine()));
    commands.addAll(commands.getFirst().getSubcommands().values());
    return commands;
  }

  @Test
  void everyCommandAndOptionIsDescribed() {
    for (CommandLine command : commands()) {
      String name = command.getCommandName();
      assertThat(command.getCommandSpec().usageMessage().description()).as(name).isNotEmpty();
      for (ArgSpec argument : command.getCommandSpec().args()) {
        assertThat(argument.description()).as(name + " " + argument.paramLabel()).isNotEmpty();
      }
    }
  }

  @Test
  void helpIsPrintedAndEndsWell() {
    for (CommandLine command : commands()) {
      StringWriter out = new StringWriter();
      command.setOut(new PrintWriter(out, true));
      assertThat(command.execute("--help")).as(command.getCommandName()).isZero();
      assertThat(out.toString()).contains("Usage: ballast");
    }
  }

  /** What is in the table of parameters is not written a second time. */
  @Test
  void theRangesAndDefaultsOfAMigrationAreInItsHelp() {
    String help =
        Objects.requireNonNull(Ballast.commandLine().getSubcommands().get("migrate"))
            .getUsageMessage(CommandLine.Help.Ansi.OFF)
            .replaceAll("\\s+", " ");
    assertThat(help)
        .contains(
            "for instance 100M (default: no limit).",
            "takes so long, 0 to 2000000 (default: 300).",
            "after this time, 0 to 86400; 0 is never (default: never).",
            "answers for this time, 1 to 86400 (default: 10).",
            "silent for this time, 1 to 86400 (default: 30).",
            "connections, 1 to 64 (default: over the one).",
            "as the machine is set, none at first).")
        .doesNotContain("{");
  }

  @Test
  void theCompletionScriptIsSoundAndKnowsEveryCommand() throws IOException, InterruptedException {
    String script = AutoComplete.bash("ballast", Ballast.commandLine());
    Process bash = new ProcessBuilder("bash", "-n").redirectErrorStream(true).start();
    bash.getOutputStream().write(script.getBytes(StandardCharsets.UTF_8));
    bash.getOutputStream().close();
    assertThat(new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8)).isEmpty();
    assertThat(bash.waitFor()).isZero();
    Ballast.commandLine()
        .getSubcommands()
        .forEach(
            (name, command) -> {
              if (!command.getCommandSpec().usageMessage().hidden()) {
                assertThat(script).contains(name);
              }
            });
  }
}
