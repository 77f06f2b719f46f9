package dev.ballast.guest.linux;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Unpacked packages and finished files, kept under names that carry their content's hash:
 *
 * <pre>
 * packages/NAME                  symbolic link to the newest unpacked package of that name
 * unpacked/PACKAGE-SHA256/...    the files wanted of a package
 * NAME-SHA256                    a finished file
 * </pre>
 *
 * Everything is made under a temporary name and renamed, so that any number of processes can use a
 * cache at once: at worst two of them download the same package. Any thread.
 */
final class PackageCache {
  /** How a package that was asked for is obtained when it is not in the cache. */
  interface Download {
    /** Downloads into an empty directory. */
    DebPackage into(Path directory) throws IOException;
  }

  private static final int HASH_DIGITS = 16;

  private final Path root;

  /**
   * @param root created if missing
   */
  PackageCache(Path root) throws IOException {
    this.root = root.toAbsolutePath().normalize();
    Files.createDirectories(this.root.resolve("packages"));
    Files.createDirectories(this.root.resolve("unpacked"));
  }

  /** Returns the directory of the cache, absolute. */
  Path root() {
    return root;
  }

  /**
   * Returns the directory with the files of a package.
   *
   * @param name what the cache calls the package
   * @param refresh whether to download it although it is in the cache
   * @param wanted which files of it, by path
   */
  Path unpacked(
      String name,
      boolean refresh,
      Predicate<String> wanted,
      Consumer<String> progress,
      Download download)
      throws IOException {
    Path packages = root.resolve("packages");
    Path link = packages.resolve(name);
    if (!refresh && Files.isDirectory(link)) {
      return link.toRealPath();
    }
    Path work = Files.createTempDirectory(root, ".work-");
    try {
      DebPackage deb = download.into(work);
      String file = deb.file().getFileName().toString();
      Path target =
          root.resolve("unpacked").resolve(file.split("_", 2)[0] + "-" + sha256(deb.file()));
      if (!Files.isDirectory(target)) {
        progress.accept("unpacking " + file);
        Path content = Files.createDirectory(work.resolve("content"));
        if (deb.unpack(wanted, content) == 0) {
          throw new GuestImageException(
              "package " + file + " has none of the files that are needed");
        }
        rename(content, target);
      }
      Path newLink = work.resolve("link");
      Files.createSymbolicLink(newLink, packages.relativize(target));
      Files.move(newLink, link, StandardCopyOption.ATOMIC_MOVE);
      return target;
    } finally {
      deleteTree(work);
    }
  }

  /**
   * Keeps a finished file.
   *
   * @param prefix the start of its name
   * @param suffix the end of its name
   */
  Path keep(String prefix, String suffix, byte[] content) throws IOException {
    Path target = root.resolve(prefix + "-" + digits(digest().digest(content)) + suffix);
    if (!Files.exists(target)) {
      // A temporary file would be readable to its owner only; one in a temporary directory is not.
      Path work = Files.createTempDirectory(root, ".work-");
      try {
        Path file = Files.write(work.resolve("file"), content);
        Files.move(file, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        deleteTree(work);
      }
    }
    return target;
  }

  private static void rename(Path content, Path target) throws IOException {
    try {
      Files.move(content, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      throw e;
    } catch (IOException e) {
      // Another process was quicker; its content has the same hash.
      if (!Files.isDirectory(target)) {
        throw e;
      }
    }
  }

  private static String sha256(Path file) throws IOException {
    MessageDigest digest = digest();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return digits(digest.digest());
  }

  private static String digits(byte[] hash) {
    return HexFormat.of().formatHex(hash).substring(0, HASH_DIGITS);
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  private static void deleteTree(Path directory) throws IOException {
    try (Stream<Path> walk = Files.walk(directory)) {
      for (Path path : (Iterable<Path>) walk.sorted(Comparator.reverseOrder())::iterator) {
        Files.delete(path);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
