package dev.ballast.ffi.layout;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The generated code in the repository is what jextract makes of the headers and include lists
 * beside it.
 */
class JextractOutputTest {
  private static final String PACKAGE = "dev/ballast/ffi/generated";
  private static final int WRONG_VERSION = 3;

  @TempDir private Path output = Path.of("replaced by JUnit");

  @Test
  void committedCodeIsNotStale() throws Exception {
    String home = System.getProperty("jextract.home", "");
    Process process =
        new ProcessBuilder("src/main/jextract/generate.sh", output.toString(), home)
            .redirectErrorStream(true)
            .start();
    String log = new String(process.getInputStream().readAllBytes(), UTF_8);
    int status = process.waitFor();
    assumeTrue(status != WRONG_VERSION, log.strip());
    assertThat(status).as(log).isZero();

    Map<String, String> fresh = sources(output);
    assertThat(fresh).isNotEmpty();
    assertThat(sources(Path.of("src/main/java")))
        .as("the committed code, to be what jextract writes at the revision in generate.sh")
        .isEqualTo(fresh);
  }

  private static Map<String, String> sources(Path root) throws IOException {
    Map<String, String> sources = new TreeMap<>();
    try (Stream<Path> files = Files.walk(root.resolve(PACKAGE))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        sources.put(root.relativize(file).toString(), Files.readString(file));
      }
    }
    return sources;
  }
}
