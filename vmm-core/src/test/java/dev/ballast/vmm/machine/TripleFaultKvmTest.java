package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What becomes of a machine whose guest faults while it handles a double fault, on the real KVM.
 */
@Tag("kvm")
@Timeout(60)
class TripleFaultKvmTest extends TinyGuestFixture {
  private static final long TOLD = WORD;
  private static final long COUNT = WORD + 4;

  /** Waits for a word at 2 MiB, clears it, counts behind it, and faults without an IDT. */
  private static final int[] FAULT_WHEN_TOLD = {
    0x83, 0x3d, 0x00, 0x00, 0x20, 0x00, 0x00, // cmp dword [0x200000], 0
    0x74, 0xf7, // je back
    0xc7, 0x05, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, // mov dword [0x200000], 0
    0xff, 0x05, 0x04, 0x00, 0x20, 0x00, // inc dword [0x200004]
    0x0f, 0x01, 0x1d, 0x00, 0x00, 0x30, 0x00, // lidt [0x300000], which is zero
    0x0f, 0x0b, // ud2
  };

  /** Counts, and faults without an IDT, whenever it runs. */
  private static final int[] FAULT_ALWAYS = {
    0xff, 0x05, 0x04, 0x00, 0x20, 0x00, // inc dword [0x200004]
    0x0f, 0x01, 0x1d, 0x00, 0x00, 0x30, 0x00, // lidt [0x300000], which is zero
    0x0f, 0x0b, // ud2
  };

  private static int counter(Machine machine) throws Exception {
    return word(machine, COUNT);
  }

  private long resets() {
    return events.stream().filter(new MachineEvent.Reset(true)::equals).count();
  }

  @Test
  void resetsTheMachineAsAPcDoes() throws Exception {
    try (Machine machine = machine(FAULT_WHEN_TOLD)) {
      machine.resume();
      for (int i = 1; i <= 3; i++) {
        machine.memory().writeU32(TOLD, 1);
        int times = i;
        await().until(() -> resets() == times);
        assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      }
      assertThat(counter(machine)).isEqualTo(3);
      assertThat(events)
          .containsExactly(
              new MachineEvent.StateChanged(RunState.PRELAUNCH, RunState.RUNNING),
              new MachineEvent.Reset(true),
              new MachineEvent.Reset(true),
              new MachineEvent.Reset(true));
    }
  }

  @Test
  void aGuestThatFaultsAgainAndAgainIsStoppedAtOnceAndEnds() throws Exception {
    try (Machine machine = machine(FAULT_ALWAYS)) {
      machine.resume();
      for (int i = 0; i < 20; i++) {
        int before = counter(machine);
        await().until(() -> counter(machine) > before + 2);
        machine.pause();
        assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
        int stopped = counter(machine);
        assertThat(resets())
            .as("each fault is a reset, carried out before the stop")
            .isEqualTo(stopped);
        machine.resume();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"STOP", "FAIL"})
  void stopsTheMachineWithItsRegistersIfThatIsWanted(TripleFaultAction action) throws Exception {
    try (Machine machine = machine(FAULT_WHEN_TOLD)) {
      machine.onTripleFault(action);
      machine.memory().writeU32(TOLD, 1);
      machine.resume();
      await().until(() -> machine.runState() == RunState.INTERNAL_ERROR);
      assertThat(events)
          .filteredOn(MachineEvent.Crashed.class::isInstance)
          .singleElement()
          .satisfies(
              event -> {
                MachineEvent.Crashed crashed = (MachineEvent.Crashed) event;
                assertThat(crashed.stays()).isEqualTo(action == TripleFaultAction.STOP);
                assertThat(crashed.exit().registers().text())
                    .contains("rip 0000000000100020")
                    .contains("code 0f 0b");
              });
      assertThat(resets()).isZero();
      assertThatThrownBy(machine::resume).hasMessageContaining("reset it first");

      machine.reset();
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      machine.memory().writeU32(TOLD, 1);
      await().until(() -> counter(machine) == 2);
    }
  }

  @Test
  void aMachineThatIsStoppedForAMigrationOwesItsGuestNothing() throws Exception {
    try (Machine machine = machine(FAULT_WHEN_TOLD)) {
      machine.resume();
      for (int i = 1; i <= 50; i++) {
        machine.memory().writeU32(TOLD, 1);
        // Without a pause: now the control thread carries the reset out, now the one that stops.
        while (counter(machine) < i) {
          Thread.onSpinWait();
        }
        assertThat(machine.stopForMigration()).isEqualTo(RunState.RUNNING);
        // The fault may come after the stop: then it is the guest's next step, here or elsewhere.
        assertThat(resets()).isBetween(i - 1L, (long) i);
        machine.endMigration(RunState.RUNNING);
        int times = i;
        await().until(() -> resets() == times);
        assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      }
    }
  }
}
