package dev.ballast.tools.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The Java run-time of the lab: a run-time image of the modules that Ballast needs, and the shared
 * libraries of the host that it is linked to.
 *
 * @param directory an entry of the cache
 */
record RuntimeImage(Path directory) {
  /** Where the lab mounts it. */
  static final Path MOUNT_POINT = Path.of("/opt/runtime");

  /** The program {@code java} of the run-time, as a path in the lab. */
  static final Path JAVA_IN_LAB = MOUNT_POINT.resolve("jre/bin/java");

  /** Changes whenever what is built changes for equal input. */
  private static final String RECIPE = "1";

  /** A line of ldd(1): an absolute path followed by the address it was loaded at. */
  private static final Pattern LIBRARY = Pattern.compile("(/\\S+) \\(0x[0-9a-f]+\\)");

  /** Makes the image, or finds it in the cache. */
  static RuntimeImage prepare(
      ImageCache cache, Collection<String> modules, Consumer<String> progress) throws IOException {
    Path home = Path.of(System.getProperty("java.home"));
    Path jlink = home.resolve("bin").resolve("jlink");
    String key =
        new ContentKey()
            .add(RECIPE)
            .add(home.toString())
            .add(System.getProperty("java.vm.version"))
            .add(String.join(",", modules))
            .hex();
    return new RuntimeImage(
        cache.get(
            "runtime",
            key,
            directory -> {
              progress.accept("making the lab's Java run-time (once for every JDK)");
              if (!Files.isExecutable(jlink)) {
                throw new LabException(
                    "the lab needs a JDK with jlink, and " + home + " has none: set JAVA_HOME");
              }
              build(jlink, modules, directory);
            }));
  }

  /** Returns the program {@code java} of the run-time, which runs on the host too. */
  Path java() {
    return directory.resolve("root/jre/bin/java");
  }

  /** Returns the file system with {@code jre}, and shared libraries in {@code lib64}. */
  Path image() {
    return directory.resolve("runtime.ext4");
  }

  private static void build(Path jlink, Collection<String> modules, Path directory)
      throws IOException {
    Path root = Files.createDirectory(directory.resolve("root"));
    Path jre = root.resolve("jre");
    HostProgram.run(
        directory,
        List.of(
            jlink.toString(),
            "--add-modules",
            String.join(",", modules),
            "--strip-debug",
            "--no-header-files",
            "--no-man-pages",
            "--output",
            jre.toString()));
    // Jlink makes no class archive for this collector, and emulated CPUs start slowly without one.
    HostProgram.run(
        directory, List.of(jre.resolve("bin/java").toString(), "-XX:+UseSerialGC", "-Xshare:dump"));
    copyLibraries(jre, Files.createDirectory(root.resolve("lib64")));
    Ext4Image.create(root, directory.resolve("runtime.ext4"));
  }

  private static void copyLibraries(Path jre, Path into) throws IOException {
    List<String> command = new ArrayList<>(List.of("ldd", jre.resolve("bin/java").toString()));
    try (Stream<Path> walk = Files.walk(jre.resolve("lib"))) {
      walk.map(Path::toString).filter(name -> name.endsWith(".so")).sorted().forEach(command::add);
    }
    TreeSet<Path> libraries = new TreeSet<>();
    Matcher matcher = LIBRARY.matcher(HostProgram.run(jre, command));
    while (matcher.find()) {
      Path library = Path.of(matcher.group(1)).normalize();
      if (!library.startsWith(jre)) {
        libraries.add(library);
      }
    }
    TreeSet<String> names = new TreeSet<>();
    for (Path library : libraries) {
      if (names.add(library.getFileName().toString())) {
        Files.copy(library, into.resolve(library.getFileName()));
      }
    }
  }
}
