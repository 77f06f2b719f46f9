package dev.ballast.tools.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The scripts {@code ballast} and {@code test} in a directory that looks like that of the sources,
 * with a Maven and JDKs that only write down how they were called.
 */
class LauncherTest {
  private static final Path SOURCES = Path.of("..").toAbsolutePath().normalize();

  /** All that the scripts may use: neither the host's Maven nor its Java is among it. */
  private static final List<String> PROGRAMS =
      List.of(
          "dirname",
          "find",
          "flock",
          "grep",
          "head",
          "mkdir",
          "mktemp",
          "mv",
          "readlink",
          "rm",
          "sort",
          "touch");

  @TempDir Path directory;

  private Path tree = Path.of("");
  private Path bin = Path.of("");
  private Path calls = Path.of("");

  private record Outcome(int status, String output, String errors) {}

  @BeforeEach
  void makeTree() throws IOException {
    tree = Files.createDirectory(directory.resolve("tree"));
    bin = Files.createDirectory(directory.resolve("bin"));
    calls = directory.resolve("calls");
    for (String script : List.of("ballast", "test", "jdk.sh")) {
      Files.copy(SOURCES.resolve(script), tree.resolve(script));
      Files.setPosixFilePermissions(
          tree.resolve(script), PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    Files.createDirectories(tree.resolve("tools/src/main"));
    for (String file : List.of("pom.xml", "tools/pom.xml", "tools/src/main/Some.java")) {
      Files.createFile(tree.resolve(file));
    }
    for (String program : PROGRAMS) {
      executable(bin.resolve(program), "exec /usr/bin/" + program + " \"$@\"\n");
    }
    executable(
        bin.resolve("mvn"),
        """
        echo "$JAVA_HOME: $*" >> '%s'
        if [ -e '%s/broken' ]; then
          echo '[ERROR] /some/Some.java:[3,5] cannot find symbol'
          echo '[ERROR] [Help 1] of no help'
          exit 1
        fi
        mkdir -p '%2$s/tools/target/dist/lib'
        touch '%2$s/tools/target/dist/lib/tools-1.jar'
        """
            .formatted(calls, tree));
  }

  private static void executable(Path file, String script) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + script);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** Makes a directory that looks like a Java home; its Java prints its arguments. */
  private Path java(String name, String version) throws IOException {
    Path home = directory.resolve(name);
    Files.createDirectories(home.resolve("bin"));
    Files.writeString(
        home.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
    executable(home.resolve("bin/java"), "echo \"" + name + ": $*\"\n");
    return home;
  }

  private Path jdk(String name, String version) throws IOException {
    Path home = java(name, version);
    executable(home.resolve("bin/javac"), "exit 1\n");
    return home;
  }

  /** Runs a script of the tree. */
  private Outcome run(Map<String, String> environment, String script, String... arguments)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(tree.resolve(script).toString());
    builder.command().addAll(List.of(arguments));
    builder.environment().clear();
    builder.environment().putAll(Map.of("PATH", bin.toString(), "TMPDIR", directory.toString()));
    builder.environment().putAll(environment);
    Path output = directory.resolve("output");
    Path errors = directory.resolve("errors");
    int status =
        builder.redirectOutput(output.toFile()).redirectError(errors.toFile()).start().waitFor();
    return new Outcome(status, Files.readString(output, UTF_8), Files.readString(errors, UTF_8));
  }

  private Outcome runWith(Path javaHome, String script, String... arguments)
      throws IOException, InterruptedException {
    return run(Map.of("JAVA_HOME", javaHome.toString()), script, arguments);
  }

  private List<String> calls() throws IOException {
    return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
  }

  /** Has no Java on this host be new enough. */
  private void needJavaOfTheFuture() throws IOException {
    Path shared = tree.resolve("jdk.sh");
    String text = Files.readString(shared);
    assertThat(text).contains("needed=25\n");
    Files.writeString(shared, text.replace("needed=25\n", "needed=9999\n"));
  }

  private static void touchLater(Path file) throws IOException {
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().plus(Duration.ofMinutes(1))));
  }

  @Test
  void firstRunBuildsTheDistributionOnTheJdkThatItFoundAndRunsTheCommand()
      throws IOException, InterruptedException {
    Path jdk = jdk("jdk", "25.0.1");

    Outcome outcome = runWith(jdk, "ballast", "doctor", "--json");

    assertThat(outcome.status()).as(outcome.errors()).isZero();
    assertThat(outcome.errors()).startsWith("ballast: building").hasLineCount(1);
    assertThat(outcome.output())
        .startsWith("jdk: ")
        .contains("--module-path " + tree.resolve("tools/target/dist/lib"))
        .endsWith(" doctor --json\n");
    assertThat(calls())
        .singleElement()
        .asString()
        .startsWith(jdk + ": ")
        .endsWith("-f " + tree.resolve("pom.xml") + " -Pdistribution package");
  }

  @Test
  void laterRunsBuildOnlyWhenASourceChanged() throws IOException, InterruptedException {
    Path jdk = jdk("jdk", "25");

    assertThat(runWith(jdk, "ballast").status()).isZero();
    Outcome second = runWith(jdk, "ballast");
    assertThat(second.errors()).isEmpty();
    assertThat(calls()).hasSize(1);

    touchLater(tree.resolve("tools/src/main/Some.java"));
    Outcome third = runWith(jdk, "ballast");
    assertThat(third.errors()).startsWith("ballast: building");
    assertThat(calls()).hasSize(2);
  }

  @Test
  void launcherThatChangedIsPutIntoTheDistribution() throws IOException, InterruptedException {
    Path jdk = jdk("jdk", "25");
    assertThat(runWith(jdk, "ballast").status()).isZero();

    touchLater(tree.resolve("jdk.sh"));
    assertThat(runWith(jdk, "ballast").status()).isZero();

    assertThat(calls()).hasSize(2);
  }

  @Test
  void failedBuildNamesTheErrorsAndTheLog() throws IOException, InterruptedException {
    Files.createFile(tree.resolve("broken"));

    Outcome outcome = runWith(jdk("jdk", "25"), "ballast", "doctor");

    assertThat(outcome.status()).isEqualTo(1);
    assertThat(outcome.output()).isEmpty();
    assertThat(outcome.errors())
        .contains("[ERROR] /some/Some.java:[3,5] cannot find symbol\n")
        .contains("ballast: the build failed; all of its output is in " + directory)
        .doesNotContain("Help 1");
  }

  @Test
  void javaThatIsTooOldAndOneWithoutACompilerArePassedOver()
      throws IOException, InterruptedException {
    Path old = jdk("old", "17.0.15");
    Path runtime = java("runtime", "26-ea");
    Files.createSymbolicLink(bin.resolve("java"), jdk("newer", "27").resolve("bin/java"));

    assertThat(runWith(old, "ballast", "one").output()).startsWith("newer: ").endsWith(" one\n");
    Files.delete(tree.resolve("tools/target/dist/lib/tools-1.jar"));
    // It is enough to run what the other one built.
    assertThat(runWith(runtime, "ballast", "two").output()).startsWith("runtime: ");

    assertThat(calls())
        .hasSize(2)
        .allSatisfy(call -> assertThat(call).startsWith(directory.resolve("newer") + ": "));
  }

  @Test
  void withoutAJdkBothScriptsSayWhereTheyLooked() throws IOException, InterruptedException {
    needJavaOfTheFuture();

    for (String script : List.of("ballast", "test")) {
      Outcome outcome = runWith(jdk("jdk", "25"), script);
      assertThat(outcome.status()).isEqualTo(1);
      assertThat(outcome.errors())
          .startsWith(
              script + ": needs a jdk 9999 or newer; none in JAVA_HOME, PATH or /usr/lib/jvm.")
          .hasLineCount(1);
    }
    assertThat(calls()).isEmpty();
  }

  @Test
  void withoutMavenBothScriptsSayHowToInstallIt() throws IOException, InterruptedException {
    Files.delete(bin.resolve("mvn"));

    for (String script : List.of("ballast", "test")) {
      Outcome outcome = runWith(jdk("jdk", "25"), script);
      assertThat(outcome.status()).isEqualTo(1);
      assertThat(outcome.errors())
          .isEqualTo(script + ": needs Maven to build: apt-get install maven\n");
    }
  }

  @Test
  void distributionRunsWithoutTheSources() throws IOException, InterruptedException {
    Path jdk = jdk("jdk", "25");
    assertThat(runWith(jdk, "ballast").status()).isZero();
    Path distribution = tree.resolve("tools/target/dist");
    tree = Files.move(distribution, directory.resolve("elsewhere"));
    for (String script : List.of("ballast", "jdk.sh")) {
      Files.copy(SOURCES.resolve(script), tree.resolve(script));
    }

    Outcome outcome = runWith(jdk, "ballast", "doctor");

    assertThat(outcome.errors()).isEmpty();
    assertThat(outcome.output()).contains("--module-path " + tree.resolve("lib"));
    assertThat(calls()).hasSize(1);
  }

  @Test
  void testScriptVerifiesWithTheSameArgumentsAndStatus() throws IOException, InterruptedException {
    Path jdk = jdk("jdk", "25");
    Files.createSymbolicLink(bin.resolve("java"), jdk.resolve("bin/java"));

    Outcome passed = runWith(jdk("old", "17"), "test", "-o", "-DexcludedGroups=kvm,lab");
    Files.createFile(tree.resolve("broken"));
    Outcome failed = run(Map.of(), "test");

    assertThat(passed.status()).as(passed.errors()).isZero();
    assertThat(failed.status()).isEqualTo(1);
    String verify = jdk + ": -f " + tree.resolve("pom.xml") + " verify";
    assertThat(calls()).containsExactly(verify + " -o -DexcludedGroups=kvm,lab", verify);
  }
}
