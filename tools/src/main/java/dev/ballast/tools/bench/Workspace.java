package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * A directory for one measurement, with the bare guest in it. It goes away with all that is in it.
 */
record Workspace(Path directory, Path kernel, MemoryWarmer warmer) implements AutoCloseable {
  static Workspace create(MemoryWarmer warmer) throws IOException {
    Path directory = Files.createTempDirectory("ballast-bench");
    return new Workspace(directory, BareGuest.writeTo(directory.resolve("bare.elf")), warmer);
  }

  Path resolve(String name) {
    return directory.resolve(name);
  }

  @Override
  public void close() throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
