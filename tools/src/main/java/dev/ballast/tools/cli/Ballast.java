package dev.ballast.tools.cli;

import dev.ballast.tools.Version;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
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
    versionProvider = Ballast.VersionText.class,
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Exit code: 0 done, 1 failed, 2 wrong usage; 130 ended by Ctrl-C (128 and the signal's"
          + " number).",
      "",
      "'ballast COMMAND --help' tells more about a command."
    })
public final class Ballast implements Runnable {
  private static final Map<String, Class<?>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("run", RunCommand.class);
    COMMANDS.put("status", StatusCommand.class);
    COMMANDS.put("balloon", BalloonCommand.class);
    COMMANDS.put("migrate", MigrateCommand.class);
    COMMANDS.put("stop", ControlCommand.Stop.class);
    COMMANDS.put("cont", ControlCommand.Cont.class);
    COMMANDS.put("reset", ControlCommand.Reset.class);
    COMMANDS.put("powerdown", ControlCommand.Powerdown.class);
    COMMANDS.put("quit", ControlCommand.Quit.class);
    COMMANDS.put("image", ImageCommand.class);
    COMMANDS.put("doctor", DoctorCommand.class);
    COMMANDS.put("cpu", CpuCommand.class);
    COMMANDS.put("demo", DemoCommand.class);
    COMMANDS.put("bench", BenchCommand.class);
    COMMANDS.put("lab", LabCommand.class);
    COMMANDS.put("completion", CompletionCommand.class);
    COMMANDS.put("aot-training", AotTrainingCommand.class);
    COMMANDS.put("help", CommandLine.HelpCommand.class);
  }

  /** These speak of the others. */
  private static final Set<String> NEED_ALL = Set.of("completion", "help");

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

  /** Returns the command line with all commands. */
  static CommandLine commandLine() {
    return commandLine(COMMANDS.keySet());
  }

  /** Runs one command; returns its exit code. */
  static int execute(String... words) {
    String first = words.length == 0 ? "" : words[0];
    // Picocli looks at every option of every command that it knows, for longer than the rest of a
    // start takes.
    boolean one = COMMANDS.containsKey(first) && !NEED_ALL.contains(first);
    return (one ? commandLine(Set.of(first)) : commandLine()).execute(words);
  }

  private static CommandLine commandLine(Set<String> names) {
    Ballast ballast = new Ballast();
    CommandLine line = new CommandLine(ballast);
    names.forEach(name -> line.addSubcommand(name, COMMANDS.get(name)));
    line.getSubcommands().values().forEach(c -> OptionValues.apply(c.getCommandSpec()));
    return line.setParameterExceptionHandler(ErrorReporter::wrongUsage)
        .setExecutionExceptionHandler(
            (e, all, result) -> ErrorReporter.failed(e, all, ballast.debug));
  }

  /** Runs one command and exits with its code: 0 done, 1 failed, 2 wrong usage. */
  public static void main(String[] args) {
    System.exit(execute(args));
  }
}
