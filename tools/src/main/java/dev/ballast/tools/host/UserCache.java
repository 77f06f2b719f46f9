package dev.ballast.tools.host;

import java.nio.file.Path;

/**
 * The directories of what is expensive to make: {@code $XDG_CACHE_HOME/ballast}, else below
 * ~/.cache.
 */
public final class UserCache {
  private UserCache() {}

  /** Returns the directory of Linux guests: packages, kernels and initramfs archives. */
  public static Path guests() {
    return root().resolve("guests");
  }

  /** Returns the directory of the lab's images. */
  public static Path lab() {
    return root().resolve("lab");
  }

  private static Path root() {
    String cacheHome = System.getenv("XDG_CACHE_HOME");
    // By the XDG base directory specification, relative paths are to be ignored.
    Path base =
        cacheHome != null && cacheHome.startsWith("/")
            ? Path.of(cacheHome)
            : Path.of(System.getProperty("user.home"), ".cache");
    return base.resolve("ballast");
  }
}
