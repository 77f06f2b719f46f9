package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ballast.guest.bare.BareGuestConsole;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ballast migrate} in a process of its own, as people and scripts use it. */
@Tag("kvm")
@Timeout(300)
class MigrateCommandKvmTest {
  private static final String FILL = "fill 16M 48M 7";
  private static final String CHECK = "check 16M 48M 7";

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  private static int exitCode(Process process) throws InterruptedException {
    assertThat(process.waitFor(BallastProcess.TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  @Test
  void ctrlCCancelsAndSaysSoAndALaterMigrationIsSummedUp() throws Exception {
    try (BallastProcess a = BallastProcess.start(directory, "a", false);
        BareGuestConsole console = a.console()) {
      console.awaitReady(BallastProcess.TIMEOUT);
      console.send(FILL, BallastProcess.TIMEOUT);
      Path output = directory.resolve("output");
      try (BallastProcess b = BallastProcess.start(directory, "b", true)) {
        Process migrate = a.startMigrate(output, b, "--max-bandwidth", "4M");
        a.awaitTransferred(4 << 20);
        new ProcessBuilder("kill", "-INT", Long.toString(migrate.pid())).start().waitFor();
        assertThat(exitCode(migrate)).isEqualTo(130);
        assertThat(Files.readString(output))
            .contains("ballast: cancelling the migration")
            .contains("cancelled after")
            .contains("the guest has not moved; the machine here is running");
        assertThat(b.exitCode()).isEqualTo(1);
        assertThat(b.output())
            .startsWith("ballast: waiting for a guest at " + b.uri() + "\n")
            .contains("the guest did not arrive")
            .hasLineCount(2);
      }
      console.send(CHECK, BallastProcess.TIMEOUT);

      a.parameter("max-bandwidth", 0);
      try (BallastProcess c = BallastProcess.start(directory, "c", true)) {
        assertThat(exitCode(a.startMigrate(output, c, "--verify", "--multifd", "2"))).isZero();
        assertThat(Files.readString(output))
            .contains("migrated in ", "the guest stood still for ", "pages skipped", "verified");
        assertThat(a.ask("query-migrate").at("/ram/multifd-bytes").asLong())
            .isGreaterThan(48 << 20);
        try (BareGuestConsole there = c.console()) {
          there.send(CHECK, BallastProcess.TIMEOUT);
        }
      }
    }
  }

  @Test
  void compressesPagesWhenAsked() throws Exception {
    try (BallastProcess a = BallastProcess.start(directory, "a", false);
        BareGuestConsole console = a.console();
        BallastProcess b = BallastProcess.start(directory, "b", true)) {
      console.awaitReady(BallastProcess.TIMEOUT);
      console.send("fill 16M 1M 7", BallastProcess.TIMEOUT);
      Path output = directory.resolve("output");
      Process migrate = a.startMigrate(output, b, "--verify", "--compress", "zstd");
      assertThat(exitCode(migrate)).as(Files.readString(output)).isZero();
      assertThat(a.ask("query-migrate-parameters").path("multifd-compression").asText())
          .isEqualTo("zstd");
      JsonNode ram = a.ask("query-migrate").path("ram");
      // As they are, headers and state would make it more than the pages.
      assertThat(ram.path("transferred").asLong()).isLessThan(ram.path("normal-bytes").asLong());
      try (BareGuestConsole there = b.console()) {
        there.send("check 16M 1M 7", BallastProcess.TIMEOUT);
      }
    }
  }

  /** Where no program can be found, not even those that know about terminals. */
  @Test
  void aTerminalShowsOneLineThatChanges() throws Exception {
    try (BallastProcess a = BallastProcess.start(directory, "a", false);
        BareGuestConsole console = a.console();
        BallastProcess b = BallastProcess.start(directory, "b", true)) {
      console.awaitReady(BallastProcess.TIMEOUT);
      console.send(FILL, BallastProcess.TIMEOUT);
      ProcessBuilder builder = a.migrateBuilder(b, "--max-bandwidth", "32M");
      builder.environment().put("PATH", "/nowhere");
      builder.environment().put("TERM", "rxvt-of-tomorrow");
      try (TerminalProcess migrate = TerminalProcess.start(builder)) {
        assertThat(migrate.exitCode()).as(migrate.screen()).isZero();
        String erased = "\r\u001b[?7l\u001b[K\u001b[?7h";
        assertThat(migrate.screen())
            .startsWith("\r\u001b[?7l")
            .containsPattern("\r\u001b\\[\\?7lactive pass \\d+ \\[[#-]{20}] ")
            .contains(erased + "migrated in ");
        String progress = migrate.screen().substring(0, migrate.screen().indexOf(erased));
        assertThat(progress).doesNotContain("\n").doesNotContainIgnoringCase("warn");
      }
    }
  }

  @Test
  void scriptsGetOneJsonObject() throws Exception {
    try (BallastProcess a = BallastProcess.start(directory, "a", false);
        BareGuestConsole console = a.console();
        BallastProcess b = BallastProcess.start(directory, "b", true)) {
      console.awaitReady(BallastProcess.TIMEOUT);
      Path output = directory.resolve("output");
      assertThat(exitCode(a.startMigrate(output, b, "--json"))).isZero();
      JsonNode info = new ObjectMapper().readTree(output.toFile());
      assertThat(info.path("status").asText()).isEqualTo("completed");
      assertThat(info.at("/x-balloon/active").asBoolean()).isTrue();
    }
  }

  /** A port that the host chooses has to be told, or nothing could go there. */
  @Test
  void aDestinationSaysWhereItWaitsUntilTheGuestIsThere() throws Exception {
    try (BallastProcess a = BallastProcess.start(directory, "a", false);
        BareGuestConsole console = a.console();
        BallastProcess b =
            BallastProcess.start(directory, "b", false, "--incoming", "tcp:127.0.0.1:0")) {
      console.awaitReady(BallastProcess.TIMEOUT);
      await()
          .atMost(BallastProcess.TIMEOUT)
          .untilAsserted(() -> assertThat(b.output()).endsWith(System.lineSeparator()));
      Matcher told =
          Pattern.compile("ballast: waiting for a guest at (tcp:127\\.0\\.0\\.1:([0-9]+))\\R")
              .matcher(b.output());
      assertThat(told.matches()).as(b.output()).isTrue();
      assertThat(b.ask("query-migrate").path("socket-address"))
          .hasToString(
              "[{\"type\":\"inet\",\"host\":\"127.0.0.1\",\"port\":\"" + told.group(2) + "\"}]");
      assertThat(b.ballast("status")).contains("setup, waiting for a guest at " + told.group(1));
      assertThat(a.ballast("migrate", told.group(1))).contains("migrated in ");
      assertThat(b.runState()).isEqualTo("running");
      JsonNode after = b.ask("query-migrate");
      assertThat(after.path("status").asText()).isEqualTo("completed");
      assertThat(after.has("socket-address")).isFalse();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--cpus=2       | vCPU count: source has | start the destination with --cpus 1",
        "--balloon=stats=off | features of balloon0: source has | start the destination with the same --balloon",
      })
  void machinesThatDoNotMatchAreToldTheWayOut(String option, String reason, String wayOut)
      throws Exception {
    try (BallastProcess a = BallastProcess.start(directory, "a", false);
        BareGuestConsole console = a.console();
        BallastProcess b = BallastProcess.start(directory, "b", true, option)) {
      console.awaitReady(BallastProcess.TIMEOUT);
      assertThat(a.ballast("migrate", b.uri()))
          .contains(reason, wayOut, "the guest has not moved; the machine here is running");
      assertThat(b.runState()).as("it waits for a source that fits").isEqualTo("inmigrate");
      await()
          .atMost(BallastProcess.TIMEOUT)
          .untilAsserted(
              () -> assertThat(b.output()).contains("turned away: " + reason, "still waiting"));
    }
  }
}
