package dev.ballast.virtio.plugged;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.virtio.balloon.BalloonConfig;
import dev.ballast.virtio.mock.MmioDriverRegisters;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.virtio.transport.VirtioTransport;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.virtio.transport.mmio.VirtioMmioConfig;
import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.device.NullSerialBackend;
import dev.ballast.vmm.machine.DeviceConfig;
import dev.ballast.vmm.machine.Machine;
import dev.ballast.vmm.machine.MachineConfig;
import dev.ballast.vmm.memory.RamConfig;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A device that Ballast does not have is plugged into a machine by the edits that {@code
 * docs/architecture.md} lists: the device, and its configuration. It gets its place, its interrupt,
 * its notifications, its part in resets and in the state that moves, without another line.
 */
@Tag("kvm")
@Timeout(60)
class PluggedDeviceKvmTest {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final long SEED = 11;
  private static final DeviceConfig BALLOON = new VirtioMmioConfig(BalloonConfig.DEFAULT);
  private static final DeviceConfig ENTROPY = new VirtioMmioConfig(new EntropyConfig(SEED));

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
  }

  private static Machine machine(DeviceConfig... devices) throws IOException {
    return new Machine(
        new MachineConfig(
                KVM, RamConfig.anonymous(64L << 20), 1, Optional.empty(), new NullSerialBackend())
            .asDestination()
            .withDevices(devices));
  }

  private static VirtioMmio entropy(Machine machine) {
    return machine.board().devices().stream()
        .filter(device -> device.stateName().equals("entropy0"))
        .map(VirtioMmio.class::cast)
        .findFirst()
        .orElseThrow();
  }

  /** Drives the device as a guest would, in its memory. */
  private static final class Driver {
    private final MockDriver driver;
    private MockQueue queue;

    Driver(Machine machine) {
      MmioDriverRegisters registers = new MmioDriverRegisters(entropy(machine));
      driver = new MockDriver(machine.memory(), registers, 0x10_0000);
      assertThat(registers.deviceId()).isEqualTo(EntropyDevice.DEVICE_ID);
      start();
    }

    void start() {
      assertThat(driver.negotiate(VirtioFeature.VERSION_1)).isTrue();
      queue = driver.addQueue(0, 16);
      driver.start();
    }

    byte[] ask() {
      long buffer = driver.allocate(EntropyDevice.REQUEST_BYTES, 8);
      queue.add(MockBuffer.writable(buffer, EntropyDevice.REQUEST_BYTES));
      driver.notifyQueue(0);
      queue.awaitAllUsed();
      return driver
          .guest()
          .slice(buffer, EntropyDevice.REQUEST_BYTES)
          .toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static byte[] expected(int request) {
    return EntropyDevice.bytes(new Random(SEED + request));
  }

  @Test
  void itServesItsDriverBesideOtherDevices() throws Exception {
    try (Machine machine = machine(BALLOON, ENTROPY)) {
      assertThat(machine.description().devices()).contains("balloon0", "entropy0");
      Driver driver = new Driver(machine);
      assertThat(driver.ask()).isEqualTo(expected(0));
      assertThat(driver.ask()).isEqualTo(expected(1));
      assertThat(machine.memory().vmmDirty().cardinality()).as("what it wrote").isPositive();
      assertThat(VirtioTransport.find(machine.board().devices(), EntropyDevice.class)).isPresent();
    }
  }

  @Test
  void itIsResetWithTheMachine() throws Exception {
    try (Machine machine = machine(ENTROPY)) {
      Driver driver = new Driver(machine);
      driver.ask();
      machine.board().devices().forEach(MachineDevice::reset);
      assertThat(driver.driver.status()).isZero();
      driver.start();
      assertThat(driver.ask()).isEqualTo(expected(1));
    }
  }

  @Test
  void itsStateMovesWithTheMachines() throws Exception {
    try (Machine source = machine(ENTROPY, BALLOON);
        Machine destination = machine(ENTROPY, BALLOON)) {
      assertThat(destination.description().refusal(source.description())).isEmpty();
      new Driver(source).ask();
      source.board().devices().forEach(MachineDevice::quiesce);
      List<? extends Snapshottable> from = source.stateSections();
      List<? extends Snapshottable> to = destination.stateSections();
      for (int i = 0; i < from.size(); i++) {
        StateWriter writer = new StateWriter();
        from.get(i).saveState(writer);
        StateReader reader = new StateReader(to.get(i).stateName(), writer.toByteArray());
        to.get(i).loadState(reader, from.get(i).stateVersion());
        reader.end();
      }
      destination.board().devices().forEach(MachineDevice::resume);
      assertThat(new Driver(destination).ask()).isEqualTo(expected(1));
    }
  }

  @Test
  void aMachineWithoutItRefusesAGuestThatHasIt() throws Exception {
    try (Machine source = machine(BALLOON, ENTROPY);
        Machine destination = machine(BALLOON)) {
      assertThat(destination.description().refusal(source.description()).orElseThrow())
          .contains("entropy0");
    }
  }
}
