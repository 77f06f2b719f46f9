package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.kvm.ClockState;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.memory.RamConfig;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a guest's clocks do while it is stopped, and on its way elsewhere, on the real KVM. */
@Tag("kvm")
class GuestClockKvmTest {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final long STOPPED_NANOS = TimeUnit.MILLISECONDS.toNanos(700);

  private static final int BLOBS_BEFORE_MSRS = 7;

  /** Does nothing for ever. */
  private static final int[] IDLE = {0xeb, 0xfe};

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
  }

  private Machine machine(ClockPolicy clock, boolean incoming) throws IOException {
    Path file = TinyGuest.write(directory, IDLE);
    KernelConfig kernel = new KernelConfig(file, Optional.empty(), "", KernelConfig.Mode.AUTO);
    MachineConfig config =
        new MachineConfig(
                KVM, RamConfig.anonymous(64L << 20), 2, Optional.of(kernel), new TestConsole())
            .withClock(clock);
    return new Machine(incoming ? config.asDestination() : config);
  }

  private static void needs(ClockPolicy clock, Machine machine) throws IOException {
    if (clock == ClockPolicy.REALTIME) {
      try (KvmVm vm = machine.board().kvm().createVm()) {
        assumeTrue(vm.canAdvanceClock(), "KVM_CLOCK_REALTIME of this KVM");
      }
    }
  }

  /** The guest's paravirtual clock when it was stopped, in nanoseconds. */
  private static long clock(Machine machine) throws IOException {
    return ClockState.nanoseconds(
        new StateReader("kvm-clock", state(machine, "kvm-clock")).bytes(1 << 10));
  }

  private static byte[] state(Machine machine, String name) throws IOException {
    StateWriter writer = new StateWriter();
    section(machine, name).saveState(writer);
    return writer.toByteArray();
  }

  private static Snapshottable section(Machine machine, String name) {
    return machine.stateSections().stream()
        .filter(part -> part.stateName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static void timePasses() {
    long start = System.nanoTime();
    await().until(() -> System.nanoTime() - start > STOPPED_NANOS);
  }

  @ParameterizedTest
  @CsvSource({"HOLD, false", "HOLD, true", "REALTIME, false", "REALTIME, true"})
  void theClockStandsStillOrFollowsTheWallClock(ClockPolicy policy, boolean moves)
      throws Exception {
    try (Machine machine = machine(policy, false);
        Machine elsewhere = machine(policy, true)) {
      needs(policy, machine);
      machine.resume();
      long stopping = System.nanoTime();
      machine.pause();
      long before = clock(machine);
      timePasses();
      Machine after = moves ? elsewhere : machine;
      if (moves) {
        machine.stopForMigration();
        load(machine, elsewhere);
        elsewhere.endMigration(RunState.RUNNING);
      } else {
        machine.resume();
      }
      after.pause();
      long real = System.nanoTime() - stopping;

      long gone = clock(after) - before;
      assertThat(gone).isNotNegative();
      if (policy == ClockPolicy.HOLD) {
        assertThat(gone).isLessThan(real - STOPPED_NANOS);
      } else {
        assertThat(gone).isBetween(STOPPED_NANOS, real + STOPPED_NANOS / 10);
      }
    }
  }

  private static void load(Machine from, Machine into) throws IOException {
    for (Snapshottable part : from.stateSections()) {
      byte[] state = state(from, part.stateName());
      section(into, part.stateName())
          .loadState(new StateReader(part.stateName(), state), part.stateVersion());
    }
  }

  /**
   * KVM takes a TSC that is written for a try at making two equal if it is less than a second off:
   * this one is, and was written once before, as a destination does that tries its own state.
   */
  @Test
  void theTscGoesOnElsewhereAsTheSameOnAllVcpus() throws Exception {
    try (Machine machine = machine(ClockPolicy.HOLD, false)) {
      assumeTrue(
          machine.vcpuThreads().stream().map(VcpuThread::vcpu).allMatch(v -> v.hasTscOffset()),
          "TSC offset attribute of this KVM");
      timePasses();
      try (Machine elsewhere = machine(ClockPolicy.HOLD, true)) {
        load(elsewhere, elsewhere);
        machine.resume();
        machine.stopForMigration();
        long left = tsc(machine, 0).orElseThrow();
        long moving = System.nanoTime();
        load(machine, elsewhere);
        elsewhere.endMigration(RunState.RUNNING);
        elsewhere.pause();
        long passedMillis = (System.nanoTime() - moving) / 1_000_000;

        long gone = tsc(elsewhere, 0).orElseThrow() - left;
        int khz = elsewhere.vcpuThreads().getFirst().vcpu().tscKhz();
        assertThat(gone).isBetween(0L, (passedMillis + STOPPED_NANOS / 10_000_000) * khz);
        assertThat(tsc(elsewhere, 1)).as("the other vCPU").isEqualTo(tsc(elsewhere, 0));
      }
    }
  }

  /** It is the TSC at the stop that travels, of all vCPUs the same, not what it is by then. */
  @Test
  void theTscOfAStoppedMachineStandsStill() throws Exception {
    try (Machine machine = machine(ClockPolicy.HOLD, false)) {
      machine.resume();
      machine.pause();
      OptionalLong before = tsc(machine, 0);
      timePasses();

      assertThat(tsc(machine, 0)).isPresent().isEqualTo(before);
      if (machine.vcpuThreads().stream().map(VcpuThread::vcpu).allMatch(v -> v.hasTscOffset())) {
        assertThat(tsc(machine, 1)).as("the other vCPU").isEqualTo(before);
      }
    }
  }

  private static OptionalLong tsc(Machine machine, int vcpu) throws IOException {
    StateReader state = new StateReader("vcpu", state(machine, "vcpu" + vcpu));
    for (int blob = 0; blob < BLOBS_BEFORE_MSRS; blob++) {
      state.bytes(1 << 16);
    }
    for (int left = state.u32(); left > 0; left--) {
      int index = state.u32();
      long value = state.u64();
      if (index == 0x10) {
        return OptionalLong.of(value);
      }
    }
    return OptionalLong.empty();
  }

  /** What a guest is told of how fast its TSC ticks travels, whether or not it ever ran. */
  @Test
  void saysHowFastTheTscTicks() throws Exception {
    try (Machine machine = machine(ClockPolicy.HOLD, false)) {
      int khz = machine.vcpuThreads().getFirst().vcpu().tscKhz();
      assertThat(machine.description().tscKhz()).isEqualTo(khz).isPositive();
      machine.resume();
      assertThat(machine.description().tscKhz()).as("while vCPUs run").isEqualTo(khz);
    }
  }
}
