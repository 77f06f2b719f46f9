package dev.ballast.virtio.transport;

import static dev.ballast.virtio.transport.DeviceStatus.DEVICE_NEEDS_RESET;
import static dev.ballast.virtio.transport.VirtioFeature.VERSION_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.mock.CountingInterrupt;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.queue.QueueState;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.irq.InterruptLine;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
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
  private MockTransport mock = new MockTransport("echo0", memory, device, interrupt, true);
  private VirtioMmio mmio = mock.transport();
  private MockDriver driver = mock.driver(memory, 0x10_0000);

  /** Gives the device another transport, whose queues can be notified. */
  private void replaceTransport(InterruptLine line) {
    mock.close();
    mock = new MockTransport("echo0", memory, device, line, false);
    mmio = mock.transport();
    driver = mock.driver(memory, 0x10_0000);
  }

  @AfterEach
  void close() {
    device.fail(null);
    mock.close();
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
    await().until(() -> (driver.registers().interruptStatus() & 2) != 0);
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
    CountDownLatch live = new CountDownLatch(1);
    List<String> faults = new CopyOnWriteArrayList<>();
    MockQueue queue = driver.allocateQueue(16);
    try (EventFd failing = EventFd.create(true)) {
      QueueWorkers workers =
          new QueueWorkers(
              "echo0",
              device,
              List.of(failing),
              new InterruptStatus(new NoInterrupts()),
              faults::add,
              task -> new Thread(() -> runAfter(live, task)));
      queue.add(MockBuffer.readable(0x1000, 1));
      workers.start(new SplitVirtqueue[] {live(queue)});
      live.countDown();

      queue.awaitAllUsed();
      await().until(() -> !faults.isEmpty());
      assertThat(faults).containsExactly("notifications cannot be awaited");
      assertThat(workers.failures()).isEqualTo(1);
      workers.close();
    }
  }

  @Test
  void aThreadThatCannotStartLeavesNoneBehind() throws Exception {
    List<Thread> threads = new ArrayList<>();
    ThreadFactory second =
        task -> {
          boolean fails = !threads.isEmpty();
          Thread thread =
              new Thread(task) {
                @Override
                public void start() {
                  if (fails) {
                    throw new OutOfMemoryError("unable to create native thread");
                  }
                  super.start();
                }
              };
          threads.add(thread);
          return thread;
        };
    try (EventFd first = EventFd.create(false);
        EventFd other = EventFd.create(false)) {
      assertThatThrownBy(
              () ->
                  new QueueWorkers(
                      "echo0",
                      device,
                      List.of(first, other),
                      new InterruptStatus(new NoInterrupts()),
                      why -> {},
                      second))
          .isInstanceOf(OutOfMemoryError.class);
      assertThat(threads).hasSize(2).noneMatch(Thread::isAlive);
    }
  }

  private static void runAfter(CountDownLatch latch, Runnable task) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    task.run();
  }

  private SplitVirtqueue live(MockQueue queue) throws VirtqueueException {
    QueueState state =
        QueueState.RESET
            .withSize(queue.size())
            .withDescriptorTable(queue.table())
            .withAvailableRing(queue.available())
            .withUsedRing(queue.used())
            .withReady(true);
    return new SplitVirtqueue(memory, state, 16, false, false);
  }

  private record NoInterrupts() implements DeviceInterrupts {
    @Override
    public void usedBuffers(int queue) {}

    @Override
    public void configurationChanged() {}
  }

  @Test
  void aDeviceThatThrowsNeedsAResetAndWorksAfterIt() throws Exception {
    replaceTransport(interrupt);
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
    replaceTransport(interrupt);
    for (int attempt = 1; attempt <= 3; attempt++) {
      MockQueue queue = start();
      queue.add(MockBuffer.readable(0x1000, 1));
      ram.takeAway(0x10_0000);
      driver.notifyQueue(0);
      awaitNeedsReset();
      assertThat(mmio.failures()).isEqualTo(attempt);
      ram.giveBack();
      driver = mock.driver(memory, 0x10_0000);

      MockQueue again = start();
      again.add(MockBuffer.readable(0x1000, 1));
      driver.notifyQueue(0);
      again.awaitAllUsed();
      assertThat(driver.status() & DEVICE_NEEDS_RESET).isZero();
    }
  }

  @Test
  void anErrorOfTheDeviceIsAFailureLikeAnother() throws Exception {
    replaceTransport(interrupt);
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
    replaceTransport(broken);
    MockQueue queue = start();
    for (int i = 0; i < 3; i++) {
      queue.add(MockBuffer.readable(0x1000, 1));
      driver.notifyQueue(0);
      queue.awaitAllUsed();
    }
    device.changeConfig(1);
    assertThat(driver.registers().interruptStatus()).isEqualTo(3);
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
    replaceTransport(interrupt);
    mmio.loadState(new StateReader("echo0", writer.toByteArray()), 1);
    mmio.resume();
    assertThat(driver.status() & DEVICE_NEEDS_RESET).isEqualTo(DEVICE_NEEDS_RESET);
    MockQueue queue = start();
    queue.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    queue.awaitAllUsed();
  }
}
