package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.memory.RamConfig;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a machine does when it, rather than its guest, fails; on the real KVM. */
@Tag("kvm")
@Timeout(60)
class MachineFailureKvmTest extends TinyGuestFixture {
  /** Waits until something is at 2 MiB, then asks for a reset. */
  private static final int[] RESET_WHEN_TOLD = {
    0x83, 0x3d, 0x00, 0x00, 0x20, 0x00, 0x00, // cmp dword [0x200000], 0
    0x74, 0xf7, // je back
    0xb0, 0xfe, 0xe6, 0x64, // mov al, 0xfe; out 0x64, al
    0xeb, 0xfe, // jmp self
  };

  /** Writes to the registers of the first virtio device. */
  private static final int[] TOUCH_DEVICE = {
    0x89, 0x1d, 0x00, 0x00, 0x00, 0xd0, // mov [0xd0000000], ebx
    0xeb, 0xfe, // jmp self
  };

  /** No processor has as many address bits, and no process could map as much. */
  @Test
  void ramBeyondTheHostsPhysicalAddressesIsRefusedBeforeItIsMapped() {
    MachineConfig config =
        new MachineConfig(
            Path.of("/dev/kvm"),
            RamConfig.anonymous(1L << 56),
            1,
            Optional.empty(),
            new TestConsole());
    assertThatThrownBy(() -> machine(config.asDestination()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("takes 57 bits")
        .hasMessageContaining("the most that fits is ");
  }

  @Test
  void aResetWithoutKernelIsRefusedAndTheGuestGoesOn() throws Exception {
    Path kernel = kernel(COUNTER);
    try (Machine machine = machine(config(Optional.of(kernel)))) {
      machine.resume();
      awaitProgress(machine);
      Files.delete(kernel);
      assertThatThrownBy(machine::reset)
          .isInstanceOf(IOException.class)
          .hasMessageContaining(kernel.toString());
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      awaitProgress(machine);
      machine.pause();
      assertThatThrownBy(machine::reset).isInstanceOf(IOException.class);
      assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
      machine.resume();
      awaitProgress(machine);
    }
  }

  @Test
  void aMachineThatGotItsGuestByMigrationRefusesToResetIt() throws Exception {
    try (Machine machine = machine(config(Optional.empty()).asDestination())) {
      machine.endMigration(RunState.PAUSED);
      KvmVcpu vcpu = machine.vcpuThreads().getFirst().vcpu();
      vcpu.setRegs(vcpu.regs().rip(0x1234));
      assertThatThrownBy(machine::reset).hasMessageContaining("no kernel to boot");
      assertThat(vcpu.regs().rip()).as("untouched").isEqualTo(0x1234);
      assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
    }
  }

  @Test
  void aKernelThatIsNoneAnyMoreEndsInInternalError() throws Exception {
    Path kernel = kernel(COUNTER);
    try (Machine machine = machine(config(Optional.of(kernel)))) {
      machine.resume();
      awaitProgress(machine);
      Files.write(kernel, new byte[4096]);
      assertThatThrownBy(machine::reset).isInstanceOf(IOException.class);
      assertThat(machine.runState()).isEqualTo(RunState.INTERNAL_ERROR);
      assertThat(events).filteredOn(MachineEvent.ResetFailed.class::isInstance).hasSize(1);
      assertThatThrownBy(machine::resume).hasMessageContaining("reset it first");

      assertThat(kernel(COUNTER)).isEqualTo(kernel);
      machine.reset();
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      awaitProgress(machine);
    }
  }

  @Test
  void aResetOfTheGuestsThatFailsIsReportedWhoeverCarriesItOut() throws Exception {
    Path kernel = kernel(RESET_WHEN_TOLD);
    try (Machine machine = machine(config(Optional.of(kernel)))) {
      machine.resume();
      Files.delete(kernel);
      machine.memory().writeU32(WORD, 1);
      // Whether the control thread was first or not.
      while (machine.runState() == RunState.RUNNING) {
        try {
          machine.pause();
          machine.resume();
        } catch (IOException | RefusedException e) {
          assertThat(machine.runState()).isEqualTo(RunState.INTERNAL_ERROR);
        }
      }
      assertThat(machine.runState()).isEqualTo(RunState.INTERNAL_ERROR);
      assertThat(events).filteredOn(MachineEvent.ResetFailed.class::isInstance).hasSize(1);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anErrorInAResetOfTheGuestsEndsInInternalError(boolean booting) throws Exception {
    FailingDevice device = new FailingDevice(booting ? "resume" : "reset");
    MachineConfig config =
        config(Optional.of(kernel(RESET_WHEN_TOLD)))
            .withDevices(builder -> builder.addDevice(device));
    try (Machine machine = machine(config)) {
      machine.resume();
      device.failing = true;
      machine.memory().writeU32(WORD, 1);
      await().until(() -> machine.runState() == RunState.INTERNAL_ERROR);
      assertThat(events)
          .filteredOn(MachineEvent.ResetFailed.class::isInstance)
          .singleElement()
          .satisfies(
              event ->
                  assertThat(((MachineEvent.ResetFailed) event).reason())
                      .contains("a page of the file is gone"));
      assertThat(events)
          .contains(new MachineEvent.StateChanged(RunState.RUNNING, RunState.INTERNAL_ERROR));

      device.failing = false;
      machine.memory().writeU32(WORD, 0);
      machine.reset();
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      machine.memory().writeU32(WORD, 1);
      await().until(() -> events.contains(new MachineEvent.Reset(true)));
    }
  }

  @Test
  void anErrorInAResetByTheUserIsAFailureThatCanBeReported() throws Exception {
    FailingDevice device = new FailingDevice("reset");
    MachineConfig config =
        config(Optional.of(kernel(COUNTER))).withDevices(builder -> builder.addDevice(device));
    try (Machine machine = machine(config)) {
      machine.resume();
      device.failing = true;
      assertThatThrownBy(machine::reset)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("a page of the file is gone");
      assertThat(machine.runState()).isEqualTo(RunState.INTERNAL_ERROR);
    }
  }

  @Test
  void aMachineWhoseDevicesCannotGoOnStaysStopped() throws Exception {
    FailingDevice device = new FailingDevice("resume");
    MachineConfig config =
        config(Optional.of(kernel(COUNTER))).withDevices(builder -> builder.addDevice(device));
    try (Machine machine = machine(config)) {
      device.failing = true;
      assertThatThrownBy(machine::resume).hasMessageContaining("a page of the file is gone");
      assertThat(machine.runState()).isEqualTo(RunState.PRELAUNCH);
      assertThat(device.quiesced).isTrue();
      device.failing = false;
      machine.resume();
      awaitProgress(machine);
    }
  }

  @Test
  void aListenerThatThrowsKeepsNothingFromHappening() throws Exception {
    try (Machine machine = new Machine(config(Optional.of(kernel(RESET_WHEN_TOLD))))) {
      machine.addListener(
          event -> {
            throw new IllegalStateException("a broken listener");
          });
      machine.addListener(events::add);
      machine.resume();
      machine.memory().writeU32(WORD, 1);
      await().until(() -> events.contains(new MachineEvent.Reset(true)));
      machine.pause();
      assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
    }
  }

  /** A device that meets what HotSpot makes of a SIGBUS. */
  private static final class FailingDevice extends BrokenDevice {
    private final String failsAt;
    volatile boolean failing;
    volatile boolean quiesced = true;

    FailingDevice(String failsAt) {
      this.failsAt = failsAt;
    }

    private void fail(String where) {
      if (failing && where.equals(failsAt)) {
        throw new InternalError("a page of the file is gone");
      }
    }

    @Override
    public void reset() {
      fail("reset");
    }

    @Override
    public void resume() {
      quiesced = false;
      fail("resume");
    }

    @Override
    public void quiesce() {
      quiesced = true;
    }
  }

  /** A device with a bug. */
  private static class BrokenDevice implements MachineDevice, BusDevice {
    @Override
    public long read(long offset, int size) {
      throw new IllegalStateException("a broken device was read");
    }

    @Override
    public void write(long offset, int size, long value) {
      throw new IllegalStateException("a broken device was written");
    }

    @Override
    public String stateName() {
      return "broken0";
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

  @Test
  void aDeviceThatThrowsStopsTheMachineAndIsNamed() throws Exception {
    BrokenDevice device = new BrokenDevice();
    MachineConfig config =
        config(Optional.of(kernel(TOUCH_DEVICE)))
            .withDevices(
                builder -> {
                  builder.addDevice(device);
                  builder.addMmio(builder.allocateMmio(0x1000), 0x1000, device);
                });
    try (Machine machine = machine(config)) {
      machine.resume();
      await().until(() -> machine.runState() == RunState.INTERNAL_ERROR);
      assertThat(events)
          .filteredOn(MachineEvent.Crashed.class::isInstance)
          .singleElement()
          .satisfies(
              event ->
                  assertThat(((MachineEvent.Crashed) event).exit().summary())
                      .contains("vCPU 0")
                      .contains("a broken device was written"));
    }
  }
}
