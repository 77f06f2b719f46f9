package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuest;
import dev.ballast.tools.qmp.QmpClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code ballast run} on a terminal: its user can always leave. */
@Tag("kvm")
@Timeout(120)
class TerminalConsoleKvmTest {
  /** More than is read from a terminal at once, so that Ctrl-A x comes with a later read. */
  private static final String KEYS_AND_EXIT = "k".repeat(3000) + "\001x";

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  private TerminalProcess run() throws IOException {
    return TerminalProcess.start(
        new ProcessBuilder(
            BallastProcess.command(
                List.of(
                    "run",
                    "--kernel",
                    BareGuest.writeTo(directory.resolve("bare.elf")).toString(),
                    "--cmdline",
                    "virtio_mmio.device=4K@0xd0000000:16",
                    "--memory",
                    "128M",
                    "--qmp",
                    "unix:" + directory.resolve("qmp")))));
  }

  private QmpClient qmp(TerminalProcess machine) throws IOException {
    await()
        .atMost(BallastProcess.TIMEOUT)
        .until(() -> machine.screen().contains("ready") || !machine.isAlive());
    assertThat(machine.isAlive()).as(machine.screen()).isTrue();
    return QmpClient.connect(directory.resolve("qmp"));
  }

  @Test
  void ctrlAXEndsAStoppedMachineWhateverWasTyped() throws Exception {
    try (TerminalProcess machine = run();
        QmpClient qmp = qmp(machine)) {
      qmp.command("stop");
      machine.type(KEYS_AND_EXIT);
      assertThat(machine.exitCode()).as(machine.screen()).isZero();
    }
  }

  @Test
  void ctrlAXEndsTheMachineThatAGuestHasLeft() throws Exception {
    try (TerminalProcess machine = run();
        QmpClient qmp = qmp(machine);
        BallastProcess destination = BallastProcess.start(directory, "b", true)) {
      qmp.command("migrate", QmpClient.arguments().put("uri", destination.uri()));
      await()
          .atMost(BallastProcess.TIMEOUT)
          .until(() -> qmp.command("query-status").path("status").asText().equals("postmigrate"));
      machine.type(KEYS_AND_EXIT);
      assertThat(machine.exitCode()).as(machine.screen()).isZero();
      assertThat(destination.runState()).isEqualTo("running");
    }
  }
}
