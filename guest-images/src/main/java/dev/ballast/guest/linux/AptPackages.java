package dev.ballast.guest.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Downloads packages through apt, without installing them and without root. Where the host's
 * package lists are missing or out of date, lists of our own are fetched into the cache. Not
 * thread-safe.
 */
final class AptPackages {
  private static final Pattern FIELD =
      Pattern.compile("^([A-Za-z0-9-]+): (.*)$", Pattern.MULTILINE);
  private static final Pattern KERNEL_DEPENDENCY =
      Pattern.compile("(linux-image-(?:unsigned-)?[0-9][^ ,|(:]*)");

  private final Path cache;
  private final Consumer<String> progress;
  private boolean ownLists;

  /**
   * @param cache an existing directory that this process may write to
   * @param progress told, a line each, about what takes long
   */
  AptPackages(Path cache, Consumer<String> progress) {
    this.cache = cache.toAbsolutePath();
    this.progress = progress;
  }

  /**
   * Follows the dependency of a kernel's meta package ({@code linux-image-cloud-amd64}) to the
   * package that holds the kernel; a package that depends on no kernel is itself the one.
   */
  String resolveKernel(String name) throws IOException {
    Optional<String> dependencies = field(name, "Depends");
    if (dependencies.isPresent()) {
      Matcher kernel = KERNEL_DEPENDENCY.matcher(dependencies.get());
      if (kernel.find()) {
        return kernel.group(1);
      }
    }
    return name;
  }

  /** Downloads the newest version of a package into an empty directory, and returns the file. */
  DebPackage download(String name, Path into) throws IOException {
    progress.accept("downloading package " + name);
    HostCommand.Result result = HostCommand.run(into, apt("apt-get", "download", name));
    if (!result.succeeded() && !ownLists) {
      // The usual reason: the lists name a version that the archive has replaced since.
      fetchOwnLists();
      result = HostCommand.run(into, apt("apt-get", "download", name));
    }
    if (!result.succeeded()) {
      throw new GuestImageException(
          "apt-get cannot download "
              + name
              + " ("
              + result.reason()
              + "): check the network and apt's sources");
    }
    try (Stream<Path> files = Files.list(into)) {
      return new DebPackage(
          files
              .filter(file -> file.toString().endsWith(".deb"))
              .findFirst()
              .orElseThrow(
                  () -> new GuestImageException("apt-get downloaded no package for " + name)));
    }
  }

  private Optional<String> field(String name, String field) throws IOException {
    Optional<String> description = describe(name);
    if (description.isEmpty() && !ownLists) {
      fetchOwnLists();
      description = describe(name);
    }
    if (description.isEmpty()) {
      throw new GuestImageException(
          "apt knows no package "
              + name
              + ": name another kernel package, or give your own kernel and its modules");
    }
    return FIELD
        .matcher(description.get())
        .results()
        .filter(match -> match.group(1).equals(field))
        .map(match -> match.group(2))
        .findFirst();
  }

  private Optional<String> describe(String name) throws IOException {
    HostCommand.Result result =
        HostCommand.run(cache, apt("apt-cache", "show", "--no-all-versions", name));
    return result.succeeded() && result.output().contains("Package: ")
        ? Optional.of(result.output())
        : Optional.empty();
  }

  private void fetchOwnLists() throws IOException {
    progress.accept("fetching package lists (apt-get update, into the cache)");
    ownLists = true;
    Files.createDirectories(cache.resolve("apt/lists/partial"));
    Files.createDirectories(cache.resolve("apt/cache/archives/partial"));
    HostCommand.Result result = HostCommand.run(cache, apt("apt-get", "update"));
    if (!result.succeeded()) {
      throw new GuestImageException(
          "apt-get cannot fetch package lists ("
              + result.reason()
              + "): check the network and apt's sources, or run apt-get update as root");
    }
  }

  private List<String> apt(String program, String... arguments) {
    List<String> command = new ArrayList<>(List.of(program, "-q"));
    if (System.getProperty("user.name").equals("root")) {
      // As root, apt fetches as user _apt, which may not enter the cache's directories.
      option(command, "APT::Sandbox::User=root");
    }
    if (ownLists) {
      option(command, "Dir::State::Lists=" + cache.resolve("apt/lists"));
      option(command, "Dir::Cache=" + cache.resolve("apt/cache"));
    }
    command.addAll(List.of(arguments));
    return command;
  }

  private static void option(List<String> command, String option) {
    command.add("-o");
    command.add(option);
  }
}
