package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuestConsole;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code ballast balloon} and {@code ballast status} say of who uses the balloon. */
@Tag("kvm")
@Timeout(300)
class BalloonCommandKvmTest {
  private static final String NO_DRIVER = "no driver in the guest uses the balloon yet";

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  @Test
  void aRequestThatWaitsForADriverIsSaidToAndIsDoneOnceThereIsOne() throws Exception {
    try (BallastProcess vm = BallastProcess.start(directory, "a", false, "--paused");
        BareGuestConsole console = vm.console()) {
      assertThat(vm.ask("query-balloon").path("x-driver").isBoolean()).isTrue();
      assertThat(vm.ballast("balloon", "96M")).contains(NO_DRIVER, "the request waits for one");
      assertThat(vm.ballast("balloon", "96M", "--wait", "1"))
          .contains("has not reached 96 MiB within 1 s: " + NO_DRIVER);
      assertThat(vm.ballast("balloon", "query")).contains("128 MiB", NO_DRIVER);
      assertThat(vm.ballast("status")).contains(NO_DRIVER);

      vm.ballast("cont");
      console.awaitReady(BallastProcess.TIMEOUT);
      assertThat(vm.ballast("balloon", "96M", "--wait", "60"))
          .contains("the guest has 96 MiB")
          .doesNotContain(NO_DRIVER);
      assertThat(vm.ask("query-balloon").path("x-driver").asBoolean()).isTrue();
      assertThat(vm.ballast("status")).doesNotContain(NO_DRIVER);
      assertThat(vm.ballast("balloon", "query")).doesNotContain(NO_DRIVER);
    }
  }
}
