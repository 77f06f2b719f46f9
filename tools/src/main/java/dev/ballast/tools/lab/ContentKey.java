package dev.ballast.tools.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** A hash of everything that an image depends on. Not thread-safe. */
final class ContentKey {
  private static final int KEY_BYTES = 16;

  private final MessageDigest digest;

  ContentKey() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Adds bytes, with their number. */
  ContentKey add(byte[] bytes) {
    digest.update((bytes.length + ":").getBytes(StandardCharsets.US_ASCII));
    digest.update(bytes);
    return this;
  }

  /** Adds a text. */
  ContentKey add(String text) {
    return add(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Adds names, sizes and modification times of all regular files below a directory. */
  ContentKey addListing(Path directory) throws IOException {
    List<Path> files;
    try (Stream<Path> walk = Files.walk(directory)) {
      files = walk.filter(Files::isRegularFile).sorted().toList();
    }
    for (Path file : files) {
      add(directory.relativize(file).toString());
      add(Files.size(file) + " " + Files.getLastModifiedTime(file).toMillis());
    }
    return this;
  }

  /** Returns the hash of what was added, in hexadecimal; nothing can be added after that. */
  String hex() {
    return HexFormat.of().formatHex(digest.digest(), 0, KEY_BYTES);
  }
}
