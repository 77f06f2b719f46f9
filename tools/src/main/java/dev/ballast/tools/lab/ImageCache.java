package dev.ballast.tools.lab;

import dev.ballast.tools.host.DirectoryTree;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;

/**
 * Directories that are expensive to make, kept under a name made of kind and key. A directory is
 * there whole or not at all, and is never changed once it is there, so processes may share them.
 * Thread-safe.
 */
final class ImageCache {
  /** Fills an empty directory. */
  @FunctionalInterface
  interface Builder {
    void build(Path directory) throws IOException;
  }

  /** Entries of a kind that were not used since are deleted when a new one is made. */
  private static final Duration KEPT_UNUSED = Duration.ofDays(2);

  private final Path root;

  /**
   * @param root created when the first entry is
   */
  ImageCache(Path root) {
    this.root = root.toAbsolutePath();
  }

  /**
   * Returns the directory of a kind and key, made by the builder if it is not there yet. While one
   * process makes it, others that want it wait.
   *
   * @param kind letters only
   * @param key everything that the content depends on, as hexadecimal digits of a hash
   */
  Path get(String kind, String key, Builder builder) throws IOException {
    Path entry = root.resolve(kind + "-" + key);
    // A file lock keeps other processes out but throws within one; the monitor keeps threads out.
    synchronized (ImageCache.class) {
      Files.createDirectories(root);
      try (FileChannel file =
              FileChannel.open(
                  root.resolve(kind + ".lock"),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE);
          FileLock lock = file.lock()) {
        if (!Files.isDirectory(entry)) {
          make(entry, kind, builder);
        }
        Files.setLastModifiedTime(entry, FileTime.from(Instant.now()));
        deleteUnused(kind + "-");
        lock.release();
      }
    }
    return entry;
  }

  private void make(Path entry, String kind, Builder builder) throws IOException {
    Path making = Files.createTempDirectory(root, "." + kind);
    try {
      builder.build(making);
      Files.move(making, entry, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      DirectoryTree.delete(making);
    }
  }

  private void deleteUnused(String prefix) throws IOException {
    Instant limit = Instant.now().minus(KEPT_UNUSED);
    List<Path> entries;
    try (Stream<Path> list = Files.list(root)) {
      entries = list.filter(file -> file.getFileName().toString().startsWith(prefix)).toList();
    }
    for (Path entry : entries) {
      if (Files.getLastModifiedTime(entry).toInstant().isBefore(limit)) {
        DirectoryTree.delete(entry);
      }
    }
  }
}
