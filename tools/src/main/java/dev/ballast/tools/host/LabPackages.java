package dev.ballast.tools.host;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The programs that the lab runs on this host, and the Debian packages that hold them. */
public final class LabPackages {
  /** The machine emulator. */
  public static final String QEMU = "qemu-system-x86_64";

  /** Makes the file systems of the lab's images. */
  public static final String MKFS = "mkfs.ext4";

  /** Debian package by program. */
  private static final Map<String, String> PACKAGES = packages();

  private LabPackages() {}

  private static Map<String, String> packages() {
    Map<String, String> packages = new LinkedHashMap<>();
    packages.put(QEMU, "qemu-system-x86");
    packages.put(MKFS, "e2fsprogs");
    return packages;
  }

  /** Returns the Debian packages that have to be installed before a lab can be started. */
  public static List<String> missing() {
    return PACKAGES.entrySet().stream()
        .filter(entry -> find(entry.getKey()).isEmpty())
        .map(Map.Entry::getValue)
        .toList();
  }

  /** Returns the Debian package that holds a program, or the program's name for an unlisted one. */
  public static String packageOf(String program) {
    return PACKAGES.getOrDefault(program, program);
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
}
