package dev.ballast.tools.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The {@code ballast} command. */
@Command(
    name = "ballast",
    description = "A virtual machine monitor for /dev/kvm: balloons guests and moves them.",
    subcommands = {DoctorCommand.class, LabCommand.class, CommandLine.HelpCommand.class},
    mixinStandardHelpOptions = true)
public final class Ballast {
  private Ballast() {}

  /** Runs one command and exits with its code: 0 done, 1 failed, 2 wrong usage. */
  public static void main(String[] args) {
    System.exit(new CommandLine(new Ballast()).execute(args));
  }
}
