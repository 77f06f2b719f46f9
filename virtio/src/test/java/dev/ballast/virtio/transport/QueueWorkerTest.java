package dev.ballast.virtio.transport;

import static dev.ballast.virtio.transport.VirtioFeature.EVENT_IDX;
import static dev.ballast.virtio.transport.VirtioFeature.VERSION_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.Thread.State;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class QueueWorkerTest {
  private final GuestMemory memory = new GuestMemory(new SparseRam(4 << 20));
  private final EchoDevice device = new EchoDevice();
  private final MockTransport mock = new MockTransport("echo0", memory, device);
  private final VirtioMmio mmio = mock.transport();
  private final MockDriver driver = new MockDriver(memory, mock.registers(), 0x10_0000);
  private MockQueue queue = driver.allocateQueue(16);

  @BeforeEach
  void start() {
    start(VERSION_1);
  }

  private void start(long features) {
    driver.negotiate(features);
    queue = driver.addQueue(0, 16);
    driver.start();
  }

  @AfterEach
  void close() {
    device.letGo();
    mock.close();
    memory.close();
  }

  private void addOne() {
    queue.add(MockBuffer.readable(0x1000, 1));
  }

  private static void awaitBlocked(Thread thread) {
    await().until(() -> thread.getState() == State.WAITING);
  }

  @Test
  void whatWasAvailableBeforeDriverOkIsServed() {
    driver.negotiate(VERSION_1);
    queue = driver.addQueue(0, 16);
    addOne();
    driver.start();
    queue.awaitAllUsed();
  }

  @Test
  void theEventAloneWakesTheWorker() throws Exception {
    addOne();
    mock.notifier(0).signal();
    queue.awaitAllUsed();
  }

  @Test
  void aResetWaitsForTheBatchAndEndsTheService() throws Exception {
    device.hold();
    addOne();
    addOne();
    driver.notifyQueue(0);
    await().untilTrue(device.busy);
    Thread vcpu = new Thread(driver::reset);
    vcpu.start();
    awaitBlocked(vcpu);
    assertThat(driver.status()).as("other vCPUs go on").isNotZero();

    device.letGo();
    vcpu.join();

    assertThat(driver.status()).isZero();
    assertThat(queue.usedIndex()).as("the batch that was under way").isEqualTo(1);
    driver.notifyQueue(0);
    await().during(Duration.ofMillis(50)).until(() -> device.handled.get() == 1);
  }

  @Test
  void quiesceWaitsForTheBatchAndWhatComesLaterIsKept() throws Exception {
    device.hold();
    addOne();
    addOne();
    driver.notifyQueue(0);
    await().untilTrue(device.busy);
    Thread control = new Thread(mmio::quiesce);
    control.start();
    awaitBlocked(control);
    device.letGo();
    control.join();
    int before = device.handled.get();
    assertThat(before).isEqualTo(1);

    addOne();
    driver.notifyQueue(0);
    await().during(Duration.ofMillis(50)).until(() -> device.handled.get() == before);

    mmio.resume();
    queue.awaitAllUsed();
    assertThat(device.handled).hasValue(3);
  }

  @Test
  void resumeMakesTheEdgeAgainForWhatWasNotAcknowledged() {
    mmio.quiesce();
    mmio.resume();
    assertThat(mock.interrupt().edges()).isZero();
    device.changeConfig(1);
    mmio.quiesce();
    mmio.resume();
    assertThat(mock.interrupt().edges()).isEqualTo(2);
    driver.registers().acknowledgeInterrupt(2);
    mmio.quiesce();
    mmio.resume();
    assertThat(mock.interrupt().edges()).isEqualTo(2);
  }

  @Test
  void closeWaitsForTheBatchAlsoWhenInterrupted() throws Exception {
    device.hold();
    addOne();
    driver.notifyQueue(0);
    await().untilTrue(device.busy);
    boolean[] stillInterrupted = new boolean[1];
    Thread control =
        new Thread(
            () -> {
              Thread.currentThread().interrupt();
              mmio.close();
              stillInterrupted[0] = Thread.currentThread().isInterrupted();
            });
    control.start();
    awaitBlocked(control);
    device.letGo();
    control.join();
    assertThat(stillInterrupted[0]).isTrue();
    assertThat(device.busy).isFalse();
  }

  /** A lost wake-up hangs this: notifications are sent only when the device asked for them. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noChainIsLeftBehindWhenOnlyAskedForNotificationsAreSent(boolean eventIndex) {
    start(eventIndex ? VERSION_1 | EVENT_IDX : VERSION_1);
    Random random = new Random(7);
    int sent = 0;
    for (int round = 0; round < 1000; round++) {
      int before = queue.availableIndex();
      for (int i = random.nextInt(1, 15); i > 0; i--) {
        addOne();
        sent++;
      }
      if (queue.wantsNotification(before, eventIndex)) {
        driver.notifyQueue(0);
      }
      queue.awaitAllUsed();
    }
    assertThat(device.handled).hasValue(sent);
  }

  @Test
  void resetsAndNotificationsFromSeveralThreadsLeaveAWorkingDevice() throws Exception {
    Thread[] vcpus = new Thread[3];
    for (int i = 0; i < vcpus.length; i++) {
      int seed = i;
      vcpus[i] =
          new Thread(
              () -> {
                Random random = new Random(seed);
                for (int n = 0; n < 2000; n++) {
                  switch (random.nextInt(5)) {
                    case 0 -> driver.reset();
                    case 1 -> driver.addStatus(random.nextInt(256));
                    case 2 -> mock.registers().write(random.nextInt(0x40) * 4, random.nextInt());
                    case 3 -> mock.registers().read(random.nextInt(0x44) * 4);
                    default -> driver.notifyQueue(0);
                  }
                }
              });
      vcpus[i].start();
    }
    for (Thread vcpu : vcpus) {
      vcpu.join(TimeUnit.SECONDS.toMillis(30));
      assertThat(vcpu.isAlive()).isFalse();
    }
    start(VERSION_1);
    addOne();
    driver.notifyQueue(0);
    queue.awaitAllUsed();
  }
}
