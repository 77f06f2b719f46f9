package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What becomes of a machine whose guest says that its kernel panicked, on the real KVM. */
@Tag("kvm")
@Timeout(60)
class PanicKvmTest extends TinyGuestFixture {
  private static final int PANICKED = 1;
  private static final int CRASH_LOADED = 2;
  private static final int SHUTDOWN = 4;
  private static final long TOLD = WORD;
  private static final long COUNT = WORD + 4;

  /** Waits for a byte at 2 MiB, writes it to the port, counts behind it, and so on. */
  private static final int[] SAY_WHAT_IS_TOLD = {
    0xa0, 0x00, 0x00, 0x20, 0x00, // mov al, [0x200000]
    0x84, 0xc0, // test al, al
    0x74, 0xf7, // je back
    0xc6, 0x05, 0x00, 0x00, 0x20, 0x00, 0x00, // mov byte [0x200000], 0
    0x66, 0xba, 0x05, 0x05, // mov dx, 0x505
    0xee, // out dx, al
    0xff, 0x05, 0x04, 0x00, 0x20, 0x00, // inc dword [0x200004]
    0xeb, 0xe3, // jmp back to the start
  };

  /** Says that a crash kernel takes over as fast as it can, and counts that. */
  private static final int[] SAY_FOR_EVER = {
    0xb0,
    CRASH_LOADED, // mov al, 2
    0x66,
    0xba,
    0x05,
    0x05, // mov dx, 0x505
    0xee, // out dx, al
    0xff,
    0x05,
    0x04,
    0x00,
    0x20,
    0x00, // inc dword [0x200004]
    0xeb,
    0xf7, // jmp back to out
  };

  private static int counter(Machine machine) throws Exception {
    return word(machine, COUNT);
  }

  private static void tell(Machine machine, int event) throws Exception {
    machine.memory().writeU32(TOLD, event);
  }

  /** Its kernel may have more to do then, for instance a dump. */
  @Test
  void aStoppedGuestCanBeContinued() throws Exception {
    try (Machine machine = machine(SAY_WHAT_IS_TOLD)) {
      machine.onPanic(PanicAction.STOP);
      tell(machine, PANICKED);
      machine.resume();
      await().until(() -> machine.runState() == RunState.GUEST_PANICKED);
      int stopped = counter(machine);
      tell(machine, 0);
      machine.resume();
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      await().until(() -> counter(machine) > stopped);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FAIL", "POWEROFF", "STOP"})
  void stopsTheGuest(PanicAction action) throws Exception {
    try (Machine machine = machine(SAY_WHAT_IS_TOLD)) {
      machine.onPanic(action);
      tell(machine, PANICKED);
      machine.resume();
      await().until(() -> machine.runState() == RunState.GUEST_PANICKED);
      await().until(() -> events.contains(new MachineEvent.Panicked(action)));
      assertThat(counter(machine)).isLessThanOrEqualTo(1);
      machine.reset();
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
    }
  }

  @Test
  void bootsAgainIfThatIsWanted() throws Exception {
    try (Machine machine = machine(SAY_WHAT_IS_TOLD)) {
      machine.onPanic(PanicAction.RESET);
      machine.resume();
      tell(machine, PANICKED);
      await().until(() -> events.contains(new MachineEvent.Reset(true)));
      assertThat(events)
          .containsSubsequence(
              new MachineEvent.Panicked(PanicAction.RESET), new MachineEvent.Reset(true));
      tell(machine, SHUTDOWN);
      await().until(() -> machine.runState() == RunState.SHUTDOWN);
    }
  }

  @Test
  void runsOnIfThatIsWanted() throws Exception {
    try (Machine machine = machine(SAY_WHAT_IS_TOLD)) {
      machine.onPanic(PanicAction.CONTINUE);
      machine.resume();
      tell(machine, PANICKED);
      await().until(() -> counter(machine) == 1);
      assertThat(events)
          .containsExactly(
              new MachineEvent.StateChanged(RunState.PRELAUNCH, RunState.RUNNING),
              new MachineEvent.Panicked(PanicAction.CONTINUE));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aCrashKernelRunsWhateverAPanicDoes(PanicAction action) throws Exception {
    try (Machine machine = machine(SAY_WHAT_IS_TOLD)) {
      machine.onPanic(action);
      machine.resume();
      tell(machine, CRASH_LOADED);
      await().until(() -> counter(machine) == 1);
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      assertThat(events)
          .containsExactly(
              new MachineEvent.StateChanged(RunState.PRELAUNCH, RunState.RUNNING),
              new MachineEvent.CrashKernelTakesOver());
    }
  }

  @Test
  void aShutdownSwitchesTheMachineOff() throws Exception {
    try (Machine machine = machine(SAY_WHAT_IS_TOLD)) {
      machine.resume();
      tell(machine, SHUTDOWN);
      await().until(() -> machine.runState() == RunState.SHUTDOWN);
      assertThat(events).contains(new MachineEvent.Shutdown());
    }
  }

  @Test
  void anEventThatIsRepeatedIsNotToldEachTime() throws Exception {
    try (Machine machine = machine(SAY_FOR_EVER)) {
      long start = System.nanoTime();
      machine.resume();
      await().until(() -> counter(machine) > 5000);
      machine.pause();
      long seconds = (System.nanoTime() - start) / 1_000_000_000;
      assertThat(events)
          .filteredOn(new MachineEvent.CrashKernelTakesOver()::equals)
          .hasSizeBetween(1, (int) seconds + 1);
    }
  }
}
