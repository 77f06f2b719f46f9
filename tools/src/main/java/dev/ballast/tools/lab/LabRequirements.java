package dev.ballast.tools.lab;

import dev.ballast.tools.host.LabPackages;
import java.nio.file.Path;
import java.util.List;

/** Checks that the host has what the lab needs. */
public final class LabRequirements {
  private LabRequirements() {}

  /**
   * Checks that a lab with such a CPU can be started.
   *
   * @throws LabException with the command that installs what is missing
   */
  public static void check(LabCpu cpu) throws LabException {
    List<String> missing = LabPackages.missing(cpu.programs());
    if (!missing.isEmpty()) {
      throw new LabException(
          "the lab needs packages that are not installed; as root: apt-get install "
              + String.join(" ", missing));
    }
  }

  /**
   * Finds a program of {@link LabPackages}.
   *
   * @throws LabException with the command that installs it
   */
  static Path require(String program) throws LabException {
    return LabPackages.find(program)
        .orElseThrow(
            () ->
                new LabException(
                    "the lab needs "
                        + program
                        + "; as root: apt-get install "
                        + LabPackages.packageOf(program)));
  }
}
