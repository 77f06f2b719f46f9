package dev.ballast.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.ballast.virtio.mock.MmioDriverRegisters;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.transport.DeviceStatus;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;

/**
 * The state of a balloon and its transport, fuzzed: refused, or taken for exactly what it is by a
 * device that then outlives its driver. How to fuzz for real is in {@code migration}'s package
 * {@code fuzz}.
 */
class BalloonStateFuzzTest {
  private static final long RAM = 2 << 20;

  private static byte[] save(VirtioMmio mmio) {
    StateWriter writer = new StateWriter();
    mmio.saveState(writer);
    return writer.toByteArray();
  }

  @FuzzTest(maxDuration = "2m")
  void balloon(byte[] state) throws IOException {
    GuestMemory memory = new GuestMemory(new SparseRam(RAM));
    BalloonDevice balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
    MockTransport mock = new MockTransport("balloon0", memory, balloon);
    VirtioMmio mmio = mock.transport();
    try {
      StateReader reader = new StateReader(mmio.stateName(), state);
      mmio.loadState(reader, mmio.stateVersion());
      reader.end();
      assertUnderstood(save(mmio));
      use(memory, mmio);
    } catch (StateFormatException e) {
      assertThat(e).hasMessageContaining("balloon0");
    } finally {
      mock.close();
      memory.close();
    }
    assertThat(mmio.failures()).isZero();
  }

  /**
   * What a device saves, the next one loads and saves alike; it may be newer than what was loaded.
   */
  private static void assertUnderstood(byte[] saved) throws IOException {
    GuestMemory memory = new GuestMemory(new SparseRam(RAM));
    BalloonDevice balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
    MockTransport mock = new MockTransport("balloon0", memory, balloon);
    VirtioMmio next = mock.transport();
    try {
      next.loadState(new StateReader(next.stateName(), saved), next.stateVersion());
      assertThat(save(next)).as("what was understood").isEqualTo(saved);
    } finally {
      mock.close();
      memory.close();
    }
  }

  /** Does a little of what a driver does, and takes everything back. */
  private static void use(GuestMemory memory, VirtioMmio mmio) {
    mmio.resume();
    MockDriver driver = new MockDriver(memory, new MmioDriverRegisters(mmio), 0x10_0000);
    for (int queue = 0; queue < 5; queue++) {
      driver.notifyQueue(queue);
    }
    mmio.quiesce();
    mmio.resume();
    driver.registers().readConfig(0, 4);
    driver.reset();
    driver.negotiate(VirtioFeature.VERSION_1);
    driver.addQueue(0, 16);
    driver.start();
    assertThat(driver.status() & DeviceStatus.DEVICE_NEEDS_RESET).isZero();
  }
}
