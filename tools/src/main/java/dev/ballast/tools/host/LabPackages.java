package dev.ballast.tools.host;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The programs and files of this host that the lab needs, and the Debian packages that hold them.
 */
public final class LabPackages {
  /** The machine emulator whose CPUs have AMD's virtualisation extensions. */
  public static final String QEMU = "qemu-system-x86_64";

  /** The machine emulator whose CPUs have Intel's. */
  public static final String BOCHS = "bochs-bin";

  /** What the screen of that emulator is shown by. */
  public static final String BOCHS_SDL =
      "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_sdl2_gui.so";

  /** The BIOS that is made for that emulator. */
  public static final String BOCHS_BIOS = "/usr/share/bochs/BIOS-bochs-latest";

  /** The VGA BIOS that is made for that emulator. */
  public static final String BOCHS_VGA_BIOS = "/usr/share/bochs/VGABIOS-lgpl-latest";

  /** Makes the file systems of the lab's images. */
  public static final String MKFS = "mkfs.ext4";

  /** What a lab with an AMD CPU needs. */
  public static final List<String> AMD_LAB = List.of(QEMU, MKFS);

  /** What a lab with an Intel CPU needs. */
  public static final List<String> INTEL_LAB =
      List.of(BOCHS, BOCHS_SDL, BOCHS_BIOS, BOCHS_VGA_BIOS, MKFS);

  /** Debian package by program. */
  private static final Map<String, String> PACKAGES = packages();

  private LabPackages() {}

  private static Map<String, String> packages() {
    Map<String, String> packages = new LinkedHashMap<>();
    packages.put(QEMU, "qemu-system-x86");
    packages.put(BOCHS, "bochs");
    packages.put(BOCHS_SDL, "bochs-sdl");
    packages.put(BOCHS_BIOS, "bochsbios");
    packages.put(BOCHS_VGA_BIOS, "vgabios");
    packages.put(MKFS, "e2fsprogs");
    return packages;
  }

  /** Returns the Debian packages that have to be installed before the lab can be started. */
  public static List<String> missing() {
    return missing(AMD_LAB);
  }

  /** Returns the Debian packages that hold those of the programs and files that are not there. */
  public static List<String> missing(List<String> programs) {
    return programs.stream()
        .filter(program -> find(program).isEmpty())
        .map(LabPackages::packageOf)
        .toList();
  }

  /** Returns the Debian package that holds a program, or the program's name for an unlisted one. */
  public static String packageOf(String program) {
    return PACKAGES.getOrDefault(program, program);
  }

  /**
   * Finds a program on the PATH, or where Debian keeps programs for root, or a file by its path.
   */
  public static Optional<Path> find(String program) {
    if (program.startsWith("/")) {
      return Optional.of(Path.of(program)).filter(Files::isReadable);
    }
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
