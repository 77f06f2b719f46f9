package dev.ballast.tools.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the lab needs of the host. */
public final class LabRequirements {
  static final String QEMU = "qemu-system-x86_64";
  static final String MKFS = "mkfs.ext4";

  /** Debian package by program. */
  private static final Map<String, String> PACKAGES = packages();

  private LabRequirements() {}

  /** Returns the Debian packages that have to be installed before a lab can be started. */
  public static List<String> missing() {
    return PACKAGES.entrySet().stream()
        .filter(entry -> find(entry.getKey()).isEmpty())
        .map(Map.Entry::getValue)
        .toList();
  }

  /**
   * Makes sure that a lab can be started.
   *
   * @throws LabException with the command that installs what is missing
   */
  public static void check() throws LabException {
    List<String> missing = missing();
    if (!missing.isEmpty()) {
      throw new LabException(
          "the lab needs packages that are not installed; as root: apt-get install "
              + String.join(" ", missing));
    }
  }

  /** Finds a program on the PATH, or where Debian keeps programs for root. */
  public static Optional<Path> find(String program) {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("") + ":/usr/sbin:/sbin";
    for (String directory : path.split(":", -1)) {
      Path file = Path.of(directory.isEmpty() ? "." : directory, program);
      if (Files.isExecutable(file) && !Files.isDirectory(file)) {
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }

  /** Finds a program of the table above. */
  static Path require(String program) throws LabException {
    return find(program)
        .orElseThrow(
            () ->
                new LabException(
                    "the lab needs "
                        + program
                        + "; as root: apt-get install "
                        + PACKAGES.getOrDefault(program, program)));
  }

  private static Map<String, String> packages() {
    Map<String, String> packages = new LinkedHashMap<>();
    packages.put(QEMU, "qemu-system-x86");
    packages.put(MKFS, "e2fsprogs");
    return packages;
  }
}
