package dev.ballast.tools.lab;

import dev.ballast.tools.host.DirectoryTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Ballast's distribution in the lab: with a Java home of its own and an archive of loaded classes,
 * which halves the start of the JVM.
 *
 * @param image the file system, to be mounted at the path that the distribution has on the host:
 *     the class archive is valid for that path only
 * @param mountPoint that path
 */
record ApplicationImage(Path image, Path mountPoint) {
  /** Changes whenever what is built changes for equal input. */
  private static final String RECIPE = "2";

  private static final String CLASS_ARCHIVE = "lab.aot";
  private static final String JAVA_HOME = "java";

  /** Makes the image, or finds it in the cache. */
  static ApplicationImage prepare(
      ImageCache cache, Distribution distribution, RuntimeImage runtime, Consumer<String> progress)
      throws IOException {
    String key =
        new ContentKey()
            .add(RECIPE)
            .add(runtime.directory().toString())
            .add(distribution.directory().toString())
            .addListing(distribution.directory())
            .hex();
    Path entry =
        cache.get(
            "application",
            key,
            directory -> {
              progress.accept("copying Ballast for the lab (once for every build)");
              build(distribution, runtime, directory);
            });
    return new ApplicationImage(entry.resolve("application.ext4"), distribution.directory());
  }

  /** Returns the Java home for the launcher, as a path in the lab. */
  Path javaHome() {
    return mountPoint.resolve(JAVA_HOME);
  }

  private static void build(Distribution distribution, RuntimeImage runtime, Path directory)
      throws IOException {
    Path root = Files.createDirectory(directory.resolve("root"));
    for (Path script : distribution.scripts()) {
      Files.setPosixFilePermissions(
          copy(script, root), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    Path lib = Files.createDirectory(root.resolve("lib"));
    try (Stream<Path> jars = Files.list(distribution.lib())) {
      for (Path jar : jars.toList()) {
        copy(jar, lib);
      }
    }
    archiveClasses(distribution, runtime, directory, root.resolve(CLASS_ARCHIVE));
    writeJavaHome(
        root.resolve(JAVA_HOME),
        LabCpus.TAKE_ONE + "exec " + RuntimeImage.JAVA_IN_LAB,
        "-XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0"
            + " -Xlog:aot=off -Xlog:cds=off -XX:AOTCache="
            + distribution.directory().resolve(CLASS_ARCHIVE));
    Ext4Image.create(root, directory.resolve("application.ext4"));
    DirectoryTree.delete(root);
  }

  private static Path copy(Path file, Path into) throws IOException {
    // The class archive is valid only for jars with the modification times they had.
    return Files.copy(file, into.resolve(file.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
  }

  /** Starts Ballast by the launcher itself, so that the JVM's options are those of later starts. */
  private static void archiveClasses(
      Distribution distribution, RuntimeImage runtime, Path directory, Path archive)
      throws IOException {
    Path home = directory.resolve(JAVA_HOME);
    writeJavaHome(
        home,
        "exec " + runtime.java(),
        "-Xlog:aot=off -Xlog:cds=off -XX:AOTCacheOutput=" + archive);
    HostProgram.run(
        directory,
        List.of(
            "env",
            "JAVA_HOME=" + home,
            "BALLAST_CLASSES=" + archive,
            "sh",
            distribution.launcher().toString(),
            "help"));
    DirectoryTree.delete(home);
  }

  /**
   * Writes a directory with the layout of a Java home.
   *
   * @param start shell commands, the last of which becomes the JVM when arguments are added
   * @param options the first of these arguments
   */
  private static void writeJavaHome(Path home, String start, String options) throws IOException {
    Path bin = Files.createDirectories(home.resolve("bin"));
    Files.writeString(
        home.resolve("release"), "JAVA_VERSION=\"" + Runtime.version().feature() + "\"\n");
    Path wrapper =
        Files.writeString(bin.resolve("java"), "#!/bin/sh\n" + start + " " + options + " \"$@\"\n");
    Files.setPosixFilePermissions(wrapper, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
