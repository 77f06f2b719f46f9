package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.guest.bare.BareGuestConsole;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of {@code ballast run} when its guest's kernel fails. */
@Tag("kvm")
@Timeout(180)
class GuestFailureKvmTest {
  private static final String PANIC = "out 0x505 1";
  private static final String CRASH_KERNEL = "out 0x505 2";
  private static final String MESSAGE = "ballast: the guest's kernel panicked";

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  private BallastProcess start(String... options) throws Exception {
    return BallastProcess.start(directory, "a", false, options);
  }

  private static BareGuestConsole boot(BallastProcess machine) throws Exception {
    BareGuestConsole console = machine.console();
    console.awaitReady(BallastProcess.TIMEOUT);
    return console;
  }

  /** Has a guest do what it may not live to answer. */
  private static void provoke(BareGuestConsole console, String command) throws Exception {
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                console.send(command, BallastProcess.TIMEOUT);
              } catch (IOException | InterruptedException e) {
                // The machine ended first.
              }
            });
  }

  @Test
  void aTripleFaultBootsTheGuestAgain() throws Exception {
    try (BallastProcess machine = start();
        BareGuestConsole console = boot(machine)) {
      for (int i = 0; i < 2; i++) {
        console.send("triple-fault", BallastProcess.TIMEOUT);
        JsonNode reset = machine.awaitEvent("RESET");
        assertThat(reset.path("guest").asBoolean()).isTrue();
        assertThat(reset.path("reason").asText()).isEqualTo("guest-reset");
        console.awaitReady(BallastProcess.TIMEOUT);
        console.send("count", BallastProcess.TIMEOUT);
      }
      assertThat(machine.runState()).isEqualTo("running");
      machine.ask("quit");
      assertThat(machine.exitCode()).isZero();
      assertThat(machine.output())
          .as("said once in ten seconds")
          .containsOnlyOnce("triple fault: the machine is reset");
    }
  }

  @Test
  void aTripleFaultCanStopTheMachineToBeLookedAt() throws Exception {
    try (BallastProcess machine = start("--on-triple-fault", "stop");
        BareGuestConsole console = boot(machine)) {
      console.send("triple-fault", BallastProcess.TIMEOUT);
      await()
          .atMost(BallastProcess.TIMEOUT)
          .until(() -> machine.runState().equals("internal-error"));
      await().atMost(BallastProcess.TIMEOUT).until(() -> machine.output().contains("code 0f 0b"));
      assertThat(machine.output()).contains("vCPU 0: triple fault", "rip ");
      machine.ask("quit");
      assertThat(machine.exitCode()).isZero();
    }
  }

  @Test
  void aTripleFaultCanBeAFailure() throws Exception {
    try (BallastProcess machine = start("--on-triple-fault", "fail");
        BareGuestConsole console = boot(machine)) {
      console.send("triple-fault", BallastProcess.TIMEOUT);
      assertThat(machine.exitCode()).isEqualTo(1);
      assertThat(machine.output()).contains("ballast: vCPU 0: triple fault", "code 0f 0b");
    }
  }

  @ParameterizedTest
  @CsvSource({"fail, 1", "poweroff, 0"})
  void aPanicEndsTheMachine(String action, int exitCode) throws Exception {
    try (BallastProcess machine = start("--on-panic", action);
        BareGuestConsole console = boot(machine)) {
      provoke(console, PANIC);
      assertThat(machine.awaitEvent("GUEST_PANICKED").path("action").asText())
          .isEqualTo("poweroff");
      JsonNode shutdown = machine.awaitEvent("SHUTDOWN");
      assertThat(shutdown.path("guest").asBoolean()).isTrue();
      assertThat(shutdown.path("reason").asText()).isEqualTo("guest-panic");
      assertThat(machine.exitCode()).isEqualTo(exitCode);
      assertThat(machine.output()).contains(MESSAGE);
    }
  }

  @Test
  void aPanicFailsIfNothingElseWasSaid() throws Exception {
    try (BallastProcess machine = start();
        BareGuestConsole console = boot(machine)) {
      provoke(console, PANIC);
      assertThat(machine.exitCode()).isEqualTo(1);
      assertThat(machine.output()).contains(MESSAGE);
    }
  }

  @Test
  void aPanicCanStopTheMachineToBeLookedAt() throws Exception {
    try (BallastProcess machine = start("--on-panic", "stop");
        BareGuestConsole console = boot(machine)) {
      provoke(console, PANIC);
      assertThat(machine.awaitEvent("GUEST_PANICKED").path("action").asText()).isEqualTo("pause");
      assertThat(machine.runState()).isEqualTo("guest-panicked");
      machine.ask("system_reset");
      assertThat(machine.awaitEvent("RESET").path("guest").asBoolean()).isFalse();
      assertThat(machine.runState()).isEqualTo("running");
      machine.ask("quit");
      assertThat(machine.exitCode()).isZero();
    }
  }

  @Test
  void aCrashKernelTakesOver() throws Exception {
    try (BallastProcess machine = start();
        BareGuestConsole console = boot(machine)) {
      console.send(CRASH_KERNEL, BallastProcess.TIMEOUT);
      assertThat(machine.awaitEvent("GUEST_CRASHLOADED").path("action").asText()).isEqualTo("run");
      console.send("count", BallastProcess.TIMEOUT);
      assertThat(machine.runState()).isEqualTo("running");
    }
  }
}
