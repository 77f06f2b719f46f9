package dev.ballast.tools.host;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Findings about the programs that Ballast starts. */
final class ToolChecks {
  private ToolChecks() {}

  static List<Finding> all(HostReport.Mode mode) {
    List<Finding> findings = new ArrayList<>();
    findings.add(lab(mode));
    findings.add(intelLab());
    findings.add(
        program(
            "packages",
            "apt-get",
            "the Linux guest's kernel is downloaded with it: give a kernel of your own to 'ballast"
                + " image'"));
    findings.add(
        program(
            "compiler", "cc", "only the build needs it; as root: apt-get install gcc libc6-dev"));
    findings.add(java());
    return findings;
  }

  private static Finding lab(HostReport.Mode mode) {
    List<String> missing = LabPackages.missing();
    if (missing.isEmpty()) {
      return Finding.ok("lab", "ready");
    }
    String summary = "not ready: missing " + String.join(", ", missing);
    String wayOut = "as root: apt-get install " + String.join(" ", missing);
    return mode == HostReport.Mode.DIRECT
        ? Finding.warn("lab", summary, wayOut)
        : Finding.fail("lab", summary + ", and Linux guests need it here", wayOut);
  }

  /** Whoever does not ask for it needs nothing of it. */
  private static Finding intelLab() {
    List<String> missing = LabPackages.missing(LabPackages.INTEL_LAB);
    return Finding.ok(
        "lab with an Intel CPU",
        missing.isEmpty()
            ? "ready: ballast lab --cpu intel -- COMMAND"
            : "not installed; to have it, as root: apt-get install " + String.join(" ", missing));
  }

  private static Finding program(String name, String program, String wayOut) {
    return LabPackages.find(program)
        .map(path -> Finding.ok(name, path.toString()))
        .orElseGet(() -> Finding.warn(name, "no " + program + " on the PATH", wayOut));
  }

  private static Finding java() {
    String summary =
        System.getProperty("java.vm.name")
            + " "
            + System.getProperty("java.vm.version")
            + " in "
            + System.getProperty("java.home");
    return Files.isExecutable(Path.of(System.getProperty("java.home"), "bin", "jlink"))
        ? Finding.ok("java", summary)
        : Finding.warn(
            "java", summary + ", without jlink", "the lab needs a whole JDK: set JAVA_HOME to one");
  }
}
