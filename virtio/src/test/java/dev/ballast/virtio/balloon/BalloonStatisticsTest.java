package dev.ballast.virtio.balloon;

import static dev.ballast.virtio.balloon.BalloonDevice.STATS_QUEUE;
import static dev.ballast.virtio.balloon.BalloonDevice.STATS_VQ;
import static dev.ballast.virtio.balloon.MemoryStatistic.FREE_MEMORY;
import static dev.ballast.virtio.balloon.MemoryStatistic.HTLB_PGFAIL;
import static dev.ballast.virtio.balloon.MemoryStatistic.SWAP_IN;
import static dev.ballast.virtio.balloon.MemoryStatistic.TOTAL_MEMORY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.virtio.mock.MockBalloonDriver;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.transport.DeviceStatus;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.memory.GuestMemory;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The guest's reports of its memory, asked for and not. */
@Timeout(60)
class BalloonStatisticsTest {
  private static final long RAM = 16 << 20;
  private static final int FREE = 4;
  private static final int TOTAL = 5;

  private final GuestMemory memory = new GuestMemory(new SparseRam(RAM));
  private final BalloonDevice balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
  private final BalloonStatistics statistics = balloon.statistics().orElseThrow();
  private final MockTransport mock = new MockTransport("balloon0", memory, balloon);
  private final VirtioMmio mmio = mock.transport();
  private final MockDriver driver = new MockDriver(memory, mock.registers(), 0x10_0000);
  private MockBalloonDriver guest = start(balloon.features());

  private MockBalloonDriver start(long features) {
    return new MockBalloonDriver(driver, features | VirtioFeature.VERSION_1, 16);
  }

  @AfterEach
  void close() {
    mock.close();
    memory.close();
  }

  private void awaitReport(Map<MemoryStatistic, Long> values) {
    await().until(() -> statistics.latest().values().equals(values));
  }

  private void awaitUsed(int index) {
    await().until(() -> guest.statsQueue().usedIndex() == index);
  }

  /** Returns how many buffers are back when the device has done what it had to do. */
  private int usedWhenQuiet() {
    mmio.quiesce();
    int used = guest.statsQueue().usedIndex();
    mmio.resume();
    return used;
  }

  @Test
  void aReportIsAskedForByGivingTheBufferBack() {
    assertThat(statistics.latest()).isEqualTo(MemoryReport.NONE);
    Instant before = Instant.now();
    guest.report(FREE, 100, TOTAL, 200, 0, -1, 9, 7);
    awaitReport(Map.of(FREE_MEMORY, 100L, TOTAL_MEMORY, 200L, SWAP_IN, -1L, HTLB_PGFAIL, 7L));
    assertThat(statistics.latest().arrived()).isBetween(before, Instant.now());
    assertThat(usedWhenQuiet()).as("the buffer is held").isZero();

    statistics.ask();

    awaitUsed(1);
    assertThat(guest.statsQueue().usedHead(0)).isZero();
    assertThat(guest.statsQueue().usedLength(0)).isZero();
    assertThat(statistics.latest().value(FREE_MEMORY)).as("until the next one").hasValue(100);
    guest.report(FREE, 90);
    awaitReport(Map.of(FREE_MEMORY, 90L));
    assertThat(statistics.latest().value(TOTAL_MEMORY)).isEmpty();
    statistics.ask();
    awaitUsed(2);
    assertThat(guest.statsQueue().usedHead(1)).isOne();
  }

  @Test
  void whatIsAskedBeforeThereIsABufferIsAskedOnce() {
    for (int i = 0; i < 5; i++) {
      statistics.ask();
    }
    guest.report(FREE, 1);
    awaitUsed(1);
    guest.report(FREE, 2);
    awaitReport(Map.of(FREE_MEMORY, 2L));
    assertThat(usedWhenQuiet()).isOne();
  }

  @Test
  void aStoppedMachineIsAskedWhenItGoesOn() {
    guest.report(FREE, 1);
    awaitReport(Map.of(FREE_MEMORY, 1L));
    mmio.quiesce();
    statistics.ask();
    assertThat(guest.statsQueue().usedIndex()).isZero();
    mmio.resume();
    awaitUsed(1);
  }

  @Test
  void anEmptyBufferSaysNothing() {
    guest.offerReport(MockBuffer.readable(0x20_0000, 0));
    statistics.ask();
    awaitUsed(1);
    assertThat(statistics.latest()).isEqualTo(MemoryReport.NONE);
  }

  @Test
  void unknownTagsAndHalfEntriesAreIgnored() {
    long at = driver.allocate(27, 1);
    driver.guest().put16(at, 999);
    driver.guest().put64(at + 2, 1);
    driver.guest().put16(at + 10, FREE);
    driver.guest().put64(at + 12, 2);
    driver.guest().put16(at + 20, TOTAL);
    guest
        .statsQueue()
        .add(
            MockBuffer.readable(at, 3),
            MockBuffer.readable(at + 3, 14),
            MockBuffer.readable(at + 17, 10));
    driver.notifyQueue(STATS_QUEUE);
    awaitReport(Map.of(FREE_MEMORY, 2L));
    guest.report(10, 1, 0xffff, 2);
    await().until(() -> statistics.latest().values().isEmpty());
    assertThat(statistics.latest().arrived()).isAfter(Instant.EPOCH);
    assertThat(mmio.faults()).isZero();
  }

  @Test
  void onlyTheStartOfAHugeBufferIsRead() {
    long at = 0x40_0000;
    long entry = BalloonStatistics.ENTRY_BYTES;
    for (int i = 0; i < 1000; i++) {
      driver.guest().put16(at + i * entry, i < BalloonStatistics.MAX_ENTRIES ? FREE : TOTAL);
      driver.guest().put64(at + i * entry + 2, i);
    }
    guest.offerReport(MockBuffer.readable(at, RAM - at));
    awaitReport(Map.of(FREE_MEMORY, BalloonStatistics.MAX_ENTRIES - 1L));
    assertThat(mmio.faults()).isZero();
  }

  @Test
  void aDriverThatHasTwoBuffersGetsTheFirstBack() {
    mmio.quiesce();
    guest.report(FREE, 1);
    guest.report(FREE, 2);
    mmio.resume();
    awaitReport(Map.of(FREE_MEMORY, 2L));
    assertThat(usedWhenQuiet()).isOne();
    assertThat(guest.statsQueue().usedHead(0)).isZero();
  }

  @Test
  void aWritableBufferNeedsAReset() {
    guest.report(FREE, 1);
    awaitReport(Map.of(FREE_MEMORY, 1L));
    for (MockBuffer[] buffers :
        new MockBuffer[][] {
          {MockBuffer.writable(0x20_0000, 10)},
          {MockBuffer.readable(0x20_0000, 10), MockBuffer.writable(0x20_0000, 10)}
        }) {
      guest.statsQueue().add(buffers);
      driver.notifyQueue(STATS_QUEUE);
      await().until(() -> (driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
      assertThat(guest.statsQueue().usedIndex()).isZero();
      guest = start(balloon.features());
    }
    guest.report(FREE, 3);
    awaitReport(Map.of(FREE_MEMORY, 3L));
    guest.inflate(3000);
    assertThat(balloon.bitmap().excluded().get(3000)).isTrue();
  }

  @Test
  void aResetForgetsTheBufferAndTheReport() {
    guest.report(FREE, 1);
    awaitReport(Map.of(FREE_MEMORY, 1L));
    driver.reset();
    assertThat(statistics.latest()).isEqualTo(MemoryReport.NONE);

    guest = start(balloon.features());
    statistics.ask();
    guest.inflate(3000);
    assertThat(usedWhenQuiet()).as("nothing to give back").isZero();
    guest.report(FREE, 2);
    awaitUsed(1);
    assertThat(statistics.latest().values()).isEqualTo(Map.of(FREE_MEMORY, 2L));
    assertThat(mmio.failures()).isZero();
  }

  @Test
  void aDriverWithoutStatisticsIsNeverAsked() {
    guest = start(balloon.features() & ~STATS_VQ);
    statistics.ask();
    guest.inflate(3000);
    assertThat(balloon.bitmap().excluded().get(3000)).isTrue();
    assertThat(driver.status() & DeviceStatus.DEVICE_NEEDS_RESET).isZero();
    assertThat(statistics.latest()).isEqualTo(MemoryReport.NONE);
  }

  @Test
  void aDriverThatUsesTheQueueWithoutTheFeatureNeedsAReset() {
    driver.negotiate((balloon.features() & ~STATS_VQ) | VirtioFeature.VERSION_1);
    MockQueue queue = driver.addQueue(STATS_QUEUE, 16);
    driver.start();
    queue.add(MockBuffer.readable(0x20_0000, 10));
    driver.notifyQueue(STATS_QUEUE);
    await().until(() -> (driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
    assertThat(statistics.latest()).isEqualTo(MemoryReport.NONE);
  }

  @Test
  void withoutTheFeatureThereIsNoThirdQueue() {
    BalloonDevice plain = new BalloonDevice(memory, new BalloonConfig(true, true, false));
    assertThat(plain.statistics()).isEmpty();
    assertThat(plain.queueCount()).isEqualTo(STATS_QUEUE);
    assertThat(plain.features() & STATS_VQ).isZero();
    assertThat(balloon.queueCount()).isEqualTo(STATS_QUEUE + 1);
  }

  @Test
  void pollsUntilTheIntervalIsZero() {
    guest.report(FREE, 1);
    statistics.setInterval(1);
    for (int n = 1; n <= 2; n++) {
      awaitUsed(n);
      guest.report(FREE, n + 1);
      awaitReport(Map.of(FREE_MEMORY, n + 1L));
    }
    statistics.setInterval(3600);
    assertThat(statistics.interval()).isEqualTo(3600);
    assertThat(isTimerAlive()).isTrue();

    statistics.setInterval(0);

    assertThat(statistics.interval()).isZero();
    await().until(() -> !isTimerAlive());
  }

  private static boolean isTimerAlive() {
    return Thread.getAllStackTraces().keySet().stream()
        .anyMatch(thread -> thread.getName().equals("balloon-statistics"));
  }

  @Test
  void anIntervalOutOfRangeIsRefused() {
    for (long bad : new long[] {-1, Long.MIN_VALUE, BalloonStatistics.MAX_INTERVAL + 1}) {
      assertThatThrownBy(() -> statistics.setInterval(bad))
          .isInstanceOf(IllegalArgumentException.class);
    }
    statistics.setInterval(BalloonStatistics.MAX_INTERVAL);
    assertThat(statistics.interval()).isEqualTo(BalloonStatistics.MAX_INTERVAL);
  }

  @Test
  void aClosedDeviceAsksNoMore() {
    statistics.setInterval(1);
    balloon.close();
    statistics.setInterval(2);
    assertThat(statistics.interval()).isZero();
    await().until(() -> !isTimerAlive());
  }
}
