package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.ProcessMappings;
import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guest that leaves and may be lost on its way, or cannot go on where it is; on the real KVM. */
@Tag("kvm")
@Timeout(60)
class HandoverKvmTest extends TinyGuestFixture {
  private final StubbornDevice device = new StubbornDevice();

  private Machine machine(boolean incoming) throws IOException {
    MachineConfig config =
        config(Optional.of(kernel(COUNTER))).withDevices(builder -> builder.addDevice(device));
    return machine(incoming ? config.asDestination() : config);
  }

  private static int counter(Machine machine) throws Exception {
    return word(machine, WORD);
  }

  /** A device that does not go on while it is told not to. */
  private static final class StubbornDevice implements MachineDevice, BusDevice {
    volatile boolean refuses;

    @Override
    public void resume() {
      if (refuses) {
        throw new IllegalStateException("no");
      }
    }

    @Override
    public long read(long offset, int size) {
      return 0;
    }

    @Override
    public void write(long offset, int size, long value) {}

    @Override
    public String stateName() {
      return "stubborn0";
    }

    @Override
    public int stateVersion() {
      return 1;
    }

    @Override
    public void saveState(StateWriter writer) {}

    @Override
    public void loadState(StateReader reader, int version) {}
  }

  /** While it arrives, a huge page for one page would populate others that the guest gave back. */
  @Test
  void aDestinationAsksForHugePagesOnceTheGuestIsHere() throws Exception {
    assumeTrue(
        Files.exists(Path.of("/sys/kernel/mm/transparent_hugepage")),
        "this kernel has transparent huge pages");
    try (Machine machine = machine(true)) {
      assertThat(ProcessMappings.flags(machine.memory().ram())).contains("nh");
      machine.endMigration(RunState.PAUSED);
      assertThat(ProcessMappings.flags(machine.memory().ram())).contains("hg").doesNotContain("nh");
    }
  }

  @Test
  void aGuestWhoseArrivalWasNotConfirmedCanBeContinued() throws Exception {
    try (Machine machine = machine(false)) {
      machine.resume();
      awaitProgress(machine);
      machine.endUnconfirmedMigration(machine.stopForMigration());
      assertThat(machine.runState()).isEqualTo(RunState.POSTMIGRATE);
      assertThatThrownBy(machine::reset).hasMessageContaining("continue it here first");

      machine.resume();

      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      awaitProgress(machine);
      machine.pause();
      assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
    }
  }

  @Test
  void oneThatHadPoweredItselfOffIsBackAndStillHasToBeReset() throws Exception {
    try (Machine machine = machine(true)) {
      machine.endMigration(RunState.SHUTDOWN);
      machine.endUnconfirmedMigration(machine.stopForMigration());

      assertThatThrownBy(machine::resume).hasMessageContaining("reset it first");

      assertThat(machine.runState()).isEqualTo(RunState.SHUTDOWN);
      machine.reset();
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      awaitProgress(machine);
    }
  }

  @Test
  void aGuestThatArrivedElsewhereCannotBeContinued() throws Exception {
    try (Machine machine = machine(false)) {
      machine.resume();
      machine.stopForMigration();
      machine.endMigration(RunState.POSTMIGRATE);
      assertThatThrownBy(machine::resume).hasMessageContaining("has confirmed that");
      assertThatThrownBy(machine::reset).hasMessageContaining("no guest here to reset");
    }
  }

  @Test
  void whatTheGuestWouldNeverNoticeIsRefused() throws Exception {
    try (Machine machine = machine(false)) {
      machine.resume();
      machine.pressPowerButton();
      machine.stopForMigration();
      assertThatThrownBy(machine::pressPowerButton).hasMessageContaining("the guest is leaving");
      assertThatThrownBy(() -> machine.withGuest(() -> {}))
          .hasMessageContaining("the guest is leaving");
      assertThatThrownBy(machine::pause).hasMessageContaining("a migration is under way");
      machine.endMigration(RunState.POSTMIGRATE);
      assertThatThrownBy(machine::pressPowerButton).hasMessageContaining("migrated away");
      assertThat(events).filteredOn(MachineEvent.PowerDown.class::isInstance).hasSize(1);
    }
    try (Machine machine = machine(true)) {
      assertThatThrownBy(machine::pressPowerButton).hasMessageContaining("not arrived yet");
    }
  }

  @Test
  void aGuestThatCannotGoOnAfterAMigrationFailedIsPausedAndCanBeContinued() throws Exception {
    try (Machine machine = machine(false)) {
      machine.resume();
      awaitProgress(machine);
      RunState before = machine.stopForMigration();
      device.refuses = true;
      assertThatThrownBy(() -> machine.endMigration(before)).hasMessage("no");
      assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
      int stopped = counter(machine);
      assertThatThrownBy(machine::resume).hasMessage("no");
      assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
      assertThat(counter(machine)).isEqualTo(stopped);

      device.refuses = false;
      machine.resume();

      awaitProgress(machine);
    }
  }

  @Test
  void aGuestThatCannotRunWhereItArrivesHasNotRunThere() throws Exception {
    try (Machine machine = machine(true)) {
      device.refuses = true;
      assertThatThrownBy(() -> machine.endMigration(RunState.RUNNING)).hasMessage("no");
      assertThat(machine.runState()).isEqualTo(RunState.INMIGRATE);
      assertThat(events).filteredOn(MachineEvent.StateChanged.class::isInstance).isEmpty();
    }
  }
}
