package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who stops or continues a machine while its guest arrives or leaves, on the real KVM. */
@Tag("kvm")
@Timeout(60)
class WantedRunStateKvmTest extends TinyGuestFixture {
  private static final int[] LOOP = {0xeb, 0xfe}; // jmp self

  private Machine machine(boolean incoming) throws IOException {
    MachineConfig config = config(Optional.of(kernel(LOOP)));
    return machine(incoming ? config.asDestination() : config);
  }

  @ParameterizedTest
  @CsvSource({
    "RUNNING, '', RUNNING",
    "RUNNING, stop, PAUSED",
    "RUNNING, stop cont, RUNNING",
    "RUNNING, cont stop, PAUSED",
    "PAUSED, '', PAUSED",
    "PAUSED, cont, RUNNING",
    "PRELAUNCH, cont, RUNNING",
    "PRELAUNCH, stop, PRELAUNCH",
    "SHUTDOWN, cont, SHUTDOWN",
    "SHUTDOWN, stop, SHUTDOWN",
  })
  void theGuestArrivesAsItWasWantedHere(RunState sent, String commands, RunState arrived)
      throws Exception {
    try (Machine machine = machine(true)) {
      for (String command : commands.split(" ", -1)) {
        switch (command) {
          case "stop" -> machine.pause();
          case "cont" -> machine.resume();
          default -> assertThat(command).isEmpty();
        }
        assertThat(machine.runState()).isEqualTo(RunState.INMIGRATE);
      }
      machine.endMigration(sent);
      assertThat(machine.runState()).isEqualTo(arrived);
    }
  }

  @Test
  void aGuestThatLeavesCanNeitherBeStoppedNorContinued() throws Exception {
    try (Machine machine = machine(false)) {
      machine.resume();
      RunState before = machine.stopForMigration();
      assertThatThrownBy(machine::pause).hasMessageContaining("a migration is under way");
      assertThatThrownBy(machine::resume).hasMessageContaining("a migration is under way");
      machine.endMigration(before);
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
    }
  }
}
