package dev.ballast.tools.cli;

import dev.ballast.migration.channel.NotListeningException;
import dev.ballast.tools.lab.LabException;
import dev.ballast.tools.qmp.QmpException;
import dev.ballast.tools.vm.VmException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What the user sees when a command fails: one line, and an exit code. */
final class ErrorReporter {
  /** The exit code of a command that could not do what it was asked for. */
  static final int FAILED = 1;

  private static final String START = "start the destination with ";

  private static final String NO_SUCH_CPU =
      "the destination does not offer what the guest may use: start it with the source's --cpu, or"
          + " move the guest to a host whose CPU has that; a guest that boots with --cpu of what its"
          + " hosts have in common ('ballast cpu --common') can move between them";

  /** A field in which two machines differ, and what the source has. */
  private static final Pattern MISMATCH =
      Pattern.compile(
          "\\b(memory|memory layout|page size|vCPU count|device list|CPUID [^:]+"
              + "|CPU vendor|CPU feature [^:]+|CPU physical address bits|CPU linear address bits"
              + "|XSAVE component [^:]+|MSR [^:]+|vCPU state [^:]+|features of [^:]+)"
              + ": source has (.*?), destination has ");

  private static final Pattern BYTES = Pattern.compile("([1-9][0-9]{0,17}) bytes");

  private ErrorReporter() {}

  /** Prints what is wrong with a command line, and returns the exit code. */
  static int wrongUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("ballast: " + oneLine(asTyped(e, args)));
    if (!UnmatchedArgumentException.printSuggestions(e, err)) {
      err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    }
    return command.getCommandSpec().exitCodeOnInvalidInput();
  }

  /** Prints why a command failed, and returns the exit code. */
  static int failed(Exception e, CommandLine command, boolean debug) {
    PrintWriter err = command.getErr();
    String reason = describe(e);
    err.println("ballast: " + reason + hint(reason).map(hint -> "; " + hint).orElse(""));
    if (debug) {
      e.printStackTrace(err);
    } else if (!isExpected(e)) {
      err.println("ballast: this is a bug in Ballast; --debug tells more");
    }
    return FAILED;
  }

  /**
   * Returns what to do about a failure that the machine's process has told in one line; empty where
   * the line says all.
   */
  static Optional<String> hint(String message) {
    if (NotListeningException.isSaidBy(message)) {
      return Optional.of(
          "start the destination first, with 'ballast run --incoming' and this address");
    }
    if (message.contains("no kernel to boot")) {
      return Optional.of("a machine that is to boot is started with --kernel FILE");
    }
    return mismatch(message);
  }

  private static boolean isExpected(Exception e) {
    return e instanceof IOException
        || e instanceof QmpException
        || e instanceof VmException
        || e instanceof LabException
        || e instanceof InterruptedException;
  }

  private static String describe(Exception e) {
    return switch (e) {
      case NoSuchFileException missing -> missing.getFile() + ": no such file or directory";
      case AccessDeniedException denied -> denied.getFile() + ": permission denied";
      case FileSystemException broken -> broken.getFile() + ": " + broken.getReason();
      default ->
          isExpected(e) ? Objects.requireNonNullElse(e.getMessage(), e.toString()) : e.toString();
    };
  }

  /** Picocli names an option by its longest name, whichever of its names the user wrote. */
  private static String asTyped(ParameterException e, String[] args) {
    String message = String.valueOf(e.getMessage());
    if (!(e.getArgSpec() instanceof OptionSpec option)) {
      return message;
    }
    List<String> typed =
        Arrays.stream(option.names())
            .filter(
                name ->
                    Arrays.stream(args)
                        .anyMatch(word -> word.equals(name) || word.startsWith(name + "=")))
            .toList();
    return typed.size() == 1
        ? message.replace("'" + option.longestName() + "'", "'" + typed.getFirst() + "'")
        : message;
  }

  /**
   * Returns what the user can do about machines that do not match; empty when the failure is
   * another one.
   *
   * @param failure what the source or the destination says, which holds what {@code
   *     MachineDescription.refusal} says
   */
  private static Optional<String> mismatch(String failure) {
    Matcher mismatch = MISMATCH.matcher(failure);
    if (!mismatch.find()) {
      return Optional.empty();
    }
    String field = mismatch.group(1);
    String source = mismatch.group(2);
    return Optional.of(
        switch (field) {
          case "memory" -> START + size(source);
          case "vCPU count" -> START + "--cpus " + source + ", as the source has";
          case "device list" -> START + "the same --balloon and --cpus as the source";
          case "memory layout", "page size" ->
              "the two are not of the same version of Ballast: start the destination with the"
                  + " source's";
          case "CPU vendor" ->
              "a guest can only move between processors of one vendor: move it to a host of the"
                  + " source's";
          case "CPU physical address bits", "CPU linear address bits" -> NO_SUCH_CPU;
          default ->
              field.startsWith("CPU")
                      || field.startsWith("XSAVE")
                      || field.startsWith("MSR")
                      || field.startsWith("vCPU state")
                  ? NO_SUCH_CPU
                  : START + "the same --balloon as the source";
        });
  }

  /** A peer may send anything in place of a size. */
  private static String size(String bytes) {
    Matcher number = BYTES.matcher(bytes);
    return number.matches()
        ? "--memory %s, as the source has"
            .formatted(new MemorySize(Long.parseLong(number.group(1))).text())
        : "the same --memory as the source";
  }

  private static String oneLine(String message) {
    return message.lines().map(String::strip).reduce((a, b) -> a + " " + b).orElse("");
  }
}
