package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.guest.bare.BareGuestConsole;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes that are killed with SIGKILL, or stopped, while a guest moves between them: the
 * survivor says what happened, and the guest runs in the source unless that is what died.
 */
@Tag("kvm")
@Timeout(300)
class KilledProcessKvmTest {
  private static final long SLOW = 4 << 20;
  private static final String FILL = "fill 16M 48M 7";
  private static final String CHECK = "check 16M 48M 7";

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  private BallastProcess start(String name, boolean incoming) throws Exception {
    return BallastProcess.start(directory, name, incoming);
  }

  private static void assertGoesOnHere(
      BallastProcess source, BareGuestConsole console, JsonNode end, String reason)
      throws Exception {
    assertThat(end.path("status").asText()).isEqualTo("failed");
    assertThat(end.path("error-desc").asText()).containsPattern(reason).hasLineCount(1);
    assertThat(source.runState()).isEqualTo("running");
    console.send(CHECK, BallastProcess.TIMEOUT);
  }

  /** The next migration of a guest whose last one failed is right. */
  private void assertMoves(BallastProcess source, String name) throws Exception {
    source.parameter("max-bandwidth", 0);
    try (BallastProcess next = start(name, true)) {
      source.migrate(next);
      JsonNode end = source.migrationEnd();
      assertThat(end.path("error-desc").asText()).isEmpty();
      assertThat(end.path("status").asText()).isEqualTo("completed");
      assertThat(source.runState()).isEqualTo("postmigrate");
      assertThat(next.runState()).isEqualTo("running");
      try (BareGuestConsole there = next.console()) {
        there.send(CHECK, BallastProcess.TIMEOUT);
      }
    }
  }

  @Test
  void destinationsThatDieBeforeAndDuringTheMigration() throws Exception {
    try (BallastProcess source = start("a", false);
        BareGuestConsole console = source.console()) {
      console.awaitReady(BallastProcess.TIMEOUT);
      console.send(FILL, BallastProcess.TIMEOUT);
      source.parameter("max-bandwidth", SLOW);

      try (BallastProcess before = start("before", true)) {
        before.kill();
        source.migrate(before);
        assertGoesOnHere(source, console, source.migrationEnd(), "connection refused");
      }
      try (BallastProcess during = start("during", true)) {
        source.migrate(during);
        source.awaitTransferred(4 << 20);
        during.kill();
        assertGoesOnHere(
            source, console, source.migrationEnd(), "the connection broke|closed the connection");
      }
      assertMoves(source, "c");
    }
  }

  @Test
  void aDestinationThatIsStoppedIsSilent() throws Exception {
    try (BallastProcess source = start("a", false);
        BareGuestConsole console = source.console();
        BallastProcess stopped = start("b", true)) {
      console.awaitReady(BallastProcess.TIMEOUT);
      console.send(FILL, BallastProcess.TIMEOUT);
      source.parameter("max-bandwidth", SLOW);
      source.parameter("x-silence-timeout", 1500);
      source.migrate(stopped);
      source.awaitTransferred(1 << 20);
      stopped.signal("STOP");
      assertGoesOnHere(
          source,
          console,
          source.migrationEnd(),
          "the other side (takes|sent) nothing for 1500 ms");
      stopped.signal("CONT");
      assertThat(stopped.exitCode()).isEqualTo(1);
      assertThat(stopped.output()).contains("the guest did not arrive: ");
      source.parameter("x-silence-timeout", 30_000);
      assertMoves(source, "c");
    }
  }

  @Test
  void aDestinationThatDiesWhenTheGuestIsStoppedThere() throws Exception {
    try (BallastProcess source = start("a", false);
        BareGuestConsole console = source.console();
        BallastProcess destination = start("b", true)) {
      console.awaitReady(BallastProcess.TIMEOUT);
      console.send(FILL, BallastProcess.TIMEOUT);
      source.ask("stop");
      source.migrate(destination);
      source.awaitTransferred(47 << 20);
      destination.kill();
      // It may have been too late: then the guest is gone with its new home, and nobody runs it.
      JsonNode end = source.migrationEnd();
      assertThat(source.runState()).isIn("paused", "postmigrate");
      if (source.runState().equals("paused")) {
        assertThat(end.path("status").asText()).isEqualTo("failed");
        assertThat(end.path("error-desc").asText()).doesNotContain("handed over");
        source.ask("cont");
        console.send(CHECK, BallastProcess.TIMEOUT);
        assertMoves(source, "c");
      } else if (end.path("status").asText().equals("failed")) {
        assertThat(end.path("error-desc").asText()).startsWith("the guest was handed over");
      }
    }
  }

  @Test
  void aSourceThatDiesTakesItsGuestAlong() throws Exception {
    try (BallastProcess source = start("a", false);
        BareGuestConsole console = source.console();
        BallastProcess destination = start("b", true)) {
      console.awaitReady(BallastProcess.TIMEOUT);
      console.send(FILL, BallastProcess.TIMEOUT);
      source.parameter("max-bandwidth", SLOW);
      source.migrate(destination);
      source.awaitTransferred(4 << 20);
      assertThat(destination.runState()).isEqualTo("inmigrate");
      source.kill();
      assertThat(destination.exitCode()).isEqualTo(1);
      assertThat(destination.output())
          .contains("the guest did not arrive: ")
          .containsPattern("closed the connection|the connection broke");
    }
  }
}
