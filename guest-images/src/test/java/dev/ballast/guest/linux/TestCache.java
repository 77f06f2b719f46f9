package dev.ballast.guest.linux;

import java.nio.file.Path;

/**
 * Where tests keep the packages that they download: a test run after the first needs no network.
 */
final class TestCache {
  static final Path DIRECTORY = Path.of("target", "guest-cache");

  private TestCache() {}
}
