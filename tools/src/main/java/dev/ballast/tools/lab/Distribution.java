package dev.ballast.tools.lab;

import java.io.IOException;
import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.lang.module.ResolvedModule;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SequencedCollection;
import java.util.TreeSet;

/**
 * Ballast as it is installed: the launcher {@code ballast}, {@code jdk.sh}, which it sources, and
 * {@code lib/*.jar}.
 *
 * @param directory an absolute path without symbolic links
 */
public record Distribution(Path directory) {
  private static final String ROOT_MODULE = "dev.ballast.tools";

  /** Modules that libraries use when they are there, without requiring them. */
  private static final List<String> OPTIONAL_MODULES =
      List.of("java.management", "java.naming", "jdk.management", "jdk.unsupported");

  /**
   * Finds the distribution that this code runs from; when it runs from Maven's class directory, the
   * one that the build assembles beside it.
   *
   * @throws LabException if there is none
   */
  public static Distribution find() throws LabException {
    Path code;
    try {
      code =
          Path.of(Distribution.class.getProtectionDomain().getCodeSource().getLocation().toURI())
              .toRealPath();
    } catch (URISyntaxException | IOException e) {
      throw new LabException("Ballast cannot find its own code: " + e.getMessage(), e);
    }
    Path directory =
        Files.isDirectory(code)
            ? code.resolveSibling("dist")
            : code.resolveSibling("..").normalize();
    Distribution distribution = new Distribution(directory);
    if (!Files.isRegularFile(distribution.launcher()) || !Files.isDirectory(distribution.lib())) {
      throw new LabException(
          "the lab copies Ballast's distribution, and there is none in "
              + directory
              + ": ./test -DskipTests in the sources' directory makes one");
    }
    return distribution;
  }

  /** Returns the shell script that starts Ballast. */
  public Path launcher() {
    return directory.resolve("ballast");
  }

  /** Returns the shell scripts: the launcher and what it sources from beside itself. */
  List<Path> scripts() {
    return List.of(launcher(), directory.resolve("jdk.sh"));
  }

  /** Returns where the jars are. */
  public Path lib() {
    return directory.resolve("lib");
  }

  /**
   * Returns the names of the modules of the Java platform that Ballast and its libraries need,
   * sorted.
   */
  SequencedCollection<String> platformModules() {
    ModuleFinder platform = ModuleFinder.ofSystem();
    TreeSet<String> names = new TreeSet<>(OPTIONAL_MODULES);
    Configuration.empty()
        .resolve(
            ModuleFinder.compose(ModuleFinder.of(lib()), platform),
            ModuleFinder.of(),
            List.of(ROOT_MODULE))
        .modules()
        .stream()
        .map(ResolvedModule::reference)
        .map(ModuleReference::descriptor)
        .filter(descriptor -> platform.find(descriptor.name()).isPresent())
        .forEach(descriptor -> names.add(descriptor.name()));
    return names;
  }
}
