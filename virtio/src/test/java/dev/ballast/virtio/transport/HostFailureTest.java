package dev.ballast.virtio.transport;

import static dev.ballast.virtio.transport.DeviceStatus.DEVICE_NEEDS_RESET;
import static dev.ballast.virtio.transport.VirtioFeature.VERSION_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.mock.CountingInterrupt;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.vmm.bus.MmioSlot;
import dev.ballast.vmm.irq.InterruptLine;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the host may fail at: the guest hears of it, and nobody waits for what never comes. */
@Timeout(60)
class HostFailureTest {
  private final SparseRam ram = new SparseRam(4 << 20);
  private final GuestMemory memory = new GuestMemory(ram);
  private final CountingInterrupt interrupt = new CountingInterrupt();
  private final EchoDevice device = new EchoDevice();
  private final EventFd failing;
  private final EventFd good;
  private VirtioMmio mmio;
  private MockDriver driver;

  HostFailureTest() throws IOException {
    // Nonblocking: to wait for it fails with EAGAIN once nothing is signalled.
    failing = EventFd.create(true);
    good = EventFd.create(false);
    mmio = make(interrupt, failing);
    driver = new MockDriver(memory, mmio, 0x10_0000);
  }

  private VirtioMmio make(InterruptLine line, EventFd notify) {
    return new VirtioMmio(
        "virtio-mmio.echo0", new MmioSlot(0xd000_0000L, 0x1000, line, 5, notify), memory, device);
  }

  @AfterEach
  void close() {
    device.fail(null);
    mmio.close();
    failing.close();
    good.close();
    memory.close();
  }

  private MockQueue start() {
    driver.negotiate(VERSION_1);
    MockQueue queue = driver.addQueue(0, 16);
    driver.start();
    return queue;
  }

  private void awaitNeedsReset() {
    await().until(() -> (driver.status() & DEVICE_NEEDS_RESET) != 0);
    await().until(() -> (driver.read(Register.INTERRUPT_STATUS) & 2) != 0);
  }

  @Test
  void aDeviceThatCannotBeNotifiedSaysThatItNeedsAResetEachTime() {
    await().until(() -> mmio.failures() == 1);
    for (int attempt = 1; attempt <= 2; attempt++) {
      start();
      awaitNeedsReset();
      assertThat(interrupt.edges()).isEqualTo(attempt);
    }
    assertThat(mmio.failures()).isEqualTo(1);
  }

  @Test
  void anEventThatFailsWhileTheDeviceIsLiveIsHeardOf() throws Exception {
    mmio.close();
    failing.signal();
    device.holdQueueCount();
    mmio = make(interrupt, failing);
    driver = new MockDriver(memory, mmio, 0x10_0000);
    MockQueue queue = start();
    queue.add(MockBuffer.readable(0x1000, 1));

    device.letQueueCountGo();

    queue.awaitAllUsed();
    awaitNeedsReset();
    assertThat(mmio.failures()).isEqualTo(1);
    queue.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    assertThat(driver.status() & DEVICE_NEEDS_RESET).isEqualTo(DEVICE_NEEDS_RESET);
  }

  @Test
  void aDeviceThatThrowsNeedsAResetAndWorksAfterIt() throws Exception {
    mmio.close();
    mmio = make(interrupt, good);
    driver = new MockDriver(memory, mmio, 0x10_0000);
    device.fail(new IllegalStateException("a bug"));
    start().add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    awaitNeedsReset();
    assertThat(mmio.failures()).isEqualTo(1);

    device.fail(null);
    MockQueue queue = start();
    queue.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    queue.awaitAllUsed();
  }

  @Test
  void ringsWithoutHostMemoryFailTheDeviceAndItWorksAfterAReset() throws Exception {
    mmio.close();
    mmio = make(interrupt, good);
    driver = new MockDriver(memory, mmio, 0x10_0000);
    for (int attempt = 1; attempt <= 3; attempt++) {
      MockQueue queue = start();
      queue.add(MockBuffer.readable(0x1000, 1));
      ram.takeAway(0x10_0000);
      driver.notifyQueue(0);
      awaitNeedsReset();
      assertThat(mmio.failures()).isEqualTo(attempt);
      ram.giveBack();
      driver = new MockDriver(memory, mmio, 0x10_0000);

      MockQueue again = start();
      again.add(MockBuffer.readable(0x1000, 1));
      driver.notifyQueue(0);
      again.awaitAllUsed();
      assertThat(driver.status() & DEVICE_NEEDS_RESET).isZero();
    }
  }

  @Test
  void anErrorOfTheDeviceIsAFailureLikeAnother() throws Exception {
    mmio.close();
    mmio = make(interrupt, good);
    driver = new MockDriver(memory, mmio, 0x10_0000);
    device.fail(new AssertionError("a bug"));
    start().add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    awaitNeedsReset();
    assertThat(mmio.failures()).isEqualTo(1);

    device.fail(null);
    MockQueue queue = start();
    queue.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    queue.awaitAllUsed();
  }

  @Test
  void aLineThatFailsLosesNoUsedBuffer() throws Exception {
    InterruptLine broken =
        new InterruptLine() {
          @Override
          public void setLevel(boolean high) {
            throw new UnsupportedOperationException("the line is edge-triggered");
          }

          @Override
          public void pulse() {
            throw new UncheckedIOException(new IOException("no edge"));
          }
        };
    mmio.close();
    mmio = make(broken, good);
    driver = new MockDriver(memory, mmio, 0x10_0000);
    MockQueue queue = start();
    for (int i = 0; i < 3; i++) {
      queue.add(MockBuffer.readable(0x1000, 1));
      driver.notifyQueue(0);
      queue.awaitAllUsed();
    }
    device.changeConfig(1);
    assertThat(driver.read(Register.INTERRUPT_STATUS)).isEqualTo(3);
    assertThat(driver.status() & DEVICE_NEEDS_RESET).isZero();
  }

  @Test
  void aDeviceThatNeedsAResetMovesAsOne() throws Exception {
    await().until(() -> mmio.failures() == 1);
    start();
    awaitNeedsReset();
    mmio.quiesce();
    StateWriter writer = new StateWriter();
    mmio.saveState(writer);
    mmio.close();
    mmio = make(interrupt, good);
    driver = new MockDriver(memory, mmio, 0x10_0000);
    mmio.loadState(new StateReader("echo0", writer.toByteArray()), 1);
    mmio.resume();
    assertThat(driver.status() & DEVICE_NEEDS_RESET).isEqualTo(DEVICE_NEEDS_RESET);
    MockQueue queue = start();
    queue.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    queue.awaitAllUsed();
  }
}
