package dev.ballast.ffi.layout;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Asks the C compiler of this machine whether assertions hold against its system headers. */
public final class SystemHeaders {
  private static final Path HEADERS = Path.of("src/main/jextract").toAbsolutePath();

  private static final String INCLUDES =
      """
      #include "linux.h"
      #include "kvm.h"
      #include "boot.h"
      #include "virtio.h"
      #include <errno.h>
      #include <linux/fs.h>
      #include <linux/virtio_mmio.h>
      """;

  private SystemHeaders() {}

  /** Returns the compiler, empty where PATH has none. */
  public static Optional<Path> compiler() {
    return Pattern.compile(":")
        .splitAsStream(System.getenv().getOrDefault("PATH", ""))
        .map(directory -> Path.of(directory, "cc"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Returns what the compiler complains of, empty when every assertion holds. */
  public static String check(Path cc, List<String> assertions)
      throws IOException, InterruptedException {
    Path source = Files.createTempFile("ballast-layout", ".c");
    try {
      Files.writeString(source, INCLUDES + String.join("\n", assertions) + "\n");
      Process process =
          new ProcessBuilder(
                  cc.toString(),
                  "-fsyntax-only",
                  "-fmax-errors=0",
                  "-iquote",
                  HEADERS.toString(),
                  source.toString())
              .redirectErrorStream(true)
              .start();
      String output = new String(process.getInputStream().readAllBytes(), UTF_8);
      int status = process.waitFor();
      return status == 0 ? "" : "exit status " + status + "\n" + output;
    } finally {
      Files.delete(source);
    }
  }
}
