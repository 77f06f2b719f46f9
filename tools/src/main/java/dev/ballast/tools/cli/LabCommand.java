package dev.ballast.tools.cli;

import dev.ballast.tools.lab.LabCpu;
import dev.ballast.tools.lab.LabException;
import dev.ballast.tools.lab.LabOptions;
import dev.ballast.tools.lab.LabSession;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code ballast lab}: runs a command where KVM is complete, whatever the host has. */
@Command(
    name = "lab",
    description = {
      "Runs a command in the lab: a virtual machine with an emulated CPU, a Debian kernel and a"
          + " complete /dev/kvm, for hosts whose own cannot run Linux guests, or are of another maker.",
      "Ballast and Java are on the command's PATH, and the Linux guest is in its cache."
          + " What it puts into /out comes back."
    },
    footer = {
      "",
      "Exit code: the command's own; 1 if the lab fails.",
      "",
      "Example: ballast lab -- ballast doctor",
      "Example: ballast lab --cpu intel -- ballast demo --quick"
    },
    mixinStandardHelpOptions = true)
public final class LabCommand implements Callable<Integer> {
  private static final int FAILED = 1;

  /** A week, in seconds. */
  private static final long MAX_TIMEOUT = 604_800;

  /** Variables of the terminal that commands in the lab see as well. */
  private static final List<String> TERMINAL =
      List.of("TERM", "COLUMNS", "LINES", "NO_COLOR", "COLORTERM");

  @Spec private CommandSpec spec;

  @Option(
      names = "--cpu",
      paramLabel = "MAKER",
      defaultValue = "amd",
      description =
          "The CPU that is emulated: amd (SVM, by QEMU) or intel (VMX, by Bochs, which is several"
              + " times slower; package bochs) (default: ${DEFAULT-VALUE}).")
  private LabCpu cpu;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = MemoryConverter.class,
      description =
          "Memory of the lab, for instance 4G or 2500M (default: 3G; with --cpu intel 1400M, which"
              + " is also the most).")
  private @Nullable MemorySize memory;

  @Range(min = 1, max = LabOptions.MAX_CPUS, example = 2)
  @Option(
      names = "--cpus",
      paramLabel = "N",
      description =
          "Virtual CPUs of the lab, 1 to 64 (default: 2; with --cpu intel there is always one).")
  private @Nullable Integer cpus;

  @Option(
      names = "--copy-in",
      paramLabel = "DIR",
      description = "Directory that the command finds as /in/NAME; can be repeated.")
  private List<Path> copyIn = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "lab-out",
      description = "Where the content of /out goes, if there is any (default: ${DEFAULT-VALUE}).")
  private Path out;

  @Range(min = 1, max = MAX_TIMEOUT, example = 600)
  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "Stop the lab after this time (default: 600; with --cpu intel 3600).")
  private @Nullable Long timeout;

  @Option(
      names = {"-i", "--interactive"},
      description = "Pass standard input on to the command.")
  private boolean interactive;

  @Parameters(arity = "1..*", paramLabel = "COMMAND", description = "The command, after --.")
  private List<String> command;

  /** For picocli, which sets the fields. */
  @SuppressWarnings("NullAway.Init")
  LabCommand() {}

  /** Takes the sizes that the lab can have. */
  static final class MemoryConverter implements ITypeConverter<MemorySize> {
    @Override
    public MemorySize convert(String value) {
      MemorySize size = new MemorySize.Converter().convert(value);
      long mebibytes = size.mebibytes();
      if (mebibytes < LabOptions.MIN_MEMORY_MIB || mebibytes > LabOptions.MAX_MEMORY_MIB) {
        throw new TypeConversionException(
            "'%s' is %s; the lab can have 512M to 1T, for instance --memory 3G"
                .formatted(value, Units.bytes(size.bytes())));
      }
      return size;
    }
  }

  @Override
  public Integer call() throws IOException {
    try (LabSession session = LabSession.boot(options())) {
      int exitCode =
          interactive
              ? session.exec(command, System.in, System.out, System.err)
              : session.exec(command, System.out, System.err);
      session.collect(out);
      return exitCode;
    } catch (LabException e) {
      System.err.println("ballast: " + e.getMessage());
      return FAILED;
    }
  }

  private LabOptions options() {
    try {
      LabOptions options =
          LabOptions.defaults(cpu)
              .withCopyIn(copyIn)
              .withEnvironment(terminal())
              .withProgress(line -> System.err.println("ballast: " + line));
      if (memory != null) {
        options = options.withMemoryMib(Math.toIntExact(memory.mebibytes()));
      }
      if (cpus != null) {
        options = options.withCpus(cpus);
      }
      if (timeout != null) {
        options = options.withTimeout(Duration.ofSeconds(timeout));
      }
      return options;
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private static Map<String, String> terminal() {
    Map<String, String> environment = new HashMap<>(System.getenv());
    environment.keySet().retainAll(TERMINAL);
    return environment;
  }
}
