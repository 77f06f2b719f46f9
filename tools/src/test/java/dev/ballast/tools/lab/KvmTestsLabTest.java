package dev.ballast.tools.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apiguardian.api.API;
import org.assertj.core.api.Assertions;
import org.awaitility.Awaitility;
import org.hamcrest.Matcher;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.engine.JupiterTestEngine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.platform.commons.JUnitException;
import org.junit.platform.engine.TestEngine;
import org.junit.platform.launcher.Launcher;
import org.opentest4j.AssertionFailedError;

/**
 * Tests that need {@code /dev/kvm}, on a KVM as the processor's maker meant it: what a host without
 * virtualisation extensions may ignore, as what is written to a TSC, counts there.
 */
@Tag("lab")
class KvmTestsLabTest {
  /** What depends on TSCs. */
  private static final List<String> TESTS = List.of("dev.ballast.vmm.machine.GuestClockKvmTest");

  /** Where each comes from is copied: JUnit, and what the tests use. */
  private static final List<Class<?>> LIBRARIES =
      List.of(
          API.class,
          Assertions.class,
          AssertionFailedError.class,
          Awaitility.class,
          JUnitException.class,
          JupiterTestEngine.class,
          Launcher.class,
          Matcher.class,
          ParameterizedTest.class,
          Test.class,
          TestEngine.class,
          net.bytebuddy.ByteBuddy.class,
          InLab.class);

  @TempDir private Path directory;

  @Test
  void theKvmTestsPass() throws IOException, URISyntaxException {
    LabUnderTest.assumeInstalled();
    List<Path> classPath = new ArrayList<>();
    for (Class<?> library : LIBRARIES) {
      classPath.add(Path.of(library.getProtectionDomain().getCodeSource().getLocation().toURI()));
    }
    classPath.add(Path.of("../vmm-core/target/test-classes"));
    classPath.add(Path.of("../native-bindings/target/test-classes"));
    Path copies = Files.createDirectory(directory.resolve("tests"));
    List<String> entries = new ArrayList<>();
    for (int i = 0; i < classPath.size(); i++) {
      Path from = classPath.get(i);
      Path to = copies.resolve(Files.isDirectory(from) ? "classes" + i : i + ".jar");
      copy(from, to);
      entries.add(LabSession.IN + "/tests/" + to.getFileName());
    }
    Distribution ballast = Distribution.find();
    entries.add(ballast.lib() + "/*");
    List<String> command =
        new ArrayList<>(
            List.of(
                "java",
                "--enable-native-access=ALL-UNNAMED",
                "-classpath",
                String.join(":", entries),
                InLab.class.getName()));
    command.addAll(TESTS);

    LabOptions options =
        LabOptions.defaults(LabUnderTest.cpu())
            // With two, what KVM injects is lost now and then: see LabCpus.
            .withCpus(1)
            .withCopyIn(List.of(copies))
            .withProgress(System.out::println);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (LabSession lab = LabSession.boot(options)) {
      int exitCode = lab.exec(command, out, out);
      assertThat(exitCode).as(out.toString(StandardCharsets.UTF_8)).isZero();
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    }
  }
}
