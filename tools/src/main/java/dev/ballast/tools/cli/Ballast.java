package dev.ballast.tools.cli;

import dev.ballast.tools.Version;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code ballast} command. */
@Command(
    name = "ballast",
    description = "A virtual machine monitor for /dev/kvm: balloons guests and moves them.",
    subcommands = {
      RunCommand.class,
      StatusCommand.class,
      BalloonCommand.class,
      MigrateCommand.class,
      ControlCommand.Stop.class,
      ControlCommand.Cont.class,
      ControlCommand.Powerdown.class,
      ControlCommand.Quit.class,
      ImageCommand.class,
      DoctorCommand.class,
      DemoCommand.class,
      BenchCommand.class,
      LabCommand.class,
      CompletionCommand.class,
      RehearseCommand.class,
      CommandLine.HelpCommand.class
    },
    versionProvider = Ballast.VersionText.class,
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Exit code: 0 done, 1 failed, 2 wrong usage.",
      "",
      "'ballast COMMAND --help' tells more about a command."
    })
public final class Ballast implements Runnable {
  @Spec private CommandSpec spec;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description = "Print the stack trace of a failure as well.")
  boolean debug;

  // Picocli sets the other field.
  @SuppressWarnings("NullAway.Init")
  private Ballast() {}

  /** What {@code --version} prints. */
  static final class VersionText implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {
        "ballast " + Version.CURRENT.text(), "Java " + Runtime.version() + ", ${os.arch}"
      };
    }
  }

  /** Says that a command is missing. */
  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  static CommandLine commandLine() {
    Ballast ballast = new Ballast();
    return new CommandLine(ballast)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler(Failures::wrongUsage)
        .setExecutionExceptionHandler((e, line, result) -> Failures.failed(e, line, ballast.debug));
  }

  /** Runs one command and exits with its code: 0 done, 1 failed, 2 wrong usage. */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }
}
