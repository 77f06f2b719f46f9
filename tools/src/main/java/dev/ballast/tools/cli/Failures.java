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
import java.util.Objects;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What the user sees when a command fails: one line, and an exit code. */
final class Failures {
  /** The exit code of a command that could not do what it was asked for. */
  static final int FAILED = 1;

  private Failures() {}

  /** Says what is wrong with a command line. */
  static int wrongUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("ballast: " + oneLine(String.valueOf(e.getMessage())));
    if (!UnmatchedArgumentException.printSuggestions(e, err)) {
      err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    }
    return command.getCommandSpec().exitCodeOnInvalidInput();
  }

  /** Says why a command failed. */
  static int failed(Exception e, CommandLine command, boolean debug) {
    PrintWriter err = command.getErr();
    err.println("ballast: " + describe(e));
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
    return NotListeningException.isSaidBy(message)
        ? Optional.of("start the destination first, with 'ballast run --incoming' and this address")
        : Optional.empty();
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

  private static String oneLine(String message) {
    return message.lines().map(String::strip).reduce((a, b) -> a + " " + b).orElse("");
  }
}
