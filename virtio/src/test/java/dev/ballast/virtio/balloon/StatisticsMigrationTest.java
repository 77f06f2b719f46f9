package dev.ballast.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.virtio.mock.MockBalloonDriver;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.queue.QueueState;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guest that tells of its memory, and moves. */
@Timeout(60)
class StatisticsMigrationTest {
  private static final int FREE = 4;
  private static final BalloonConfig WITHOUT = new BalloonConfig(true, true, false);

  private static final class Side implements AutoCloseable {
    final GuestMemory memory = new GuestMemory(new SparseRam(8 << 20));
    final MockTransport mock;
    final BalloonDevice balloon;
    final VirtioMmio mmio;
    final MockDriver driver;

    Side(BalloonConfig config) {
      balloon = new BalloonDevice(memory, config);
      mock = new MockTransport("balloon0", memory, balloon);
      mmio = mock.transport();
      driver = new MockDriver(memory, mock.registers(), 0x10_0000);
    }

    BalloonStatistics statistics() {
      return balloon.statistics().orElseThrow();
    }

    MockBalloonDriver start() {
      return new MockBalloonDriver(driver, balloon.features() | VirtioFeature.VERSION_1, 16);
    }

    void awaitFree(long value) {
      await()
          .until(
              () ->
                  statistics()
                      .latest()
                      .values()
                      .equals(Map.of(MemoryStatistic.FREE_MEMORY, value)));
    }

    byte[] save() {
      mmio.quiesce();
      StateWriter writer = new StateWriter();
      mmio.saveState(writer);
      return writer.toByteArray();
    }

    void load(byte[] state) throws IOException {
      StateReader reader = new StateReader(mmio.stateName(), state);
      mmio.loadState(reader, mmio.stateVersion());
      reader.end();
    }

    @Override
    public void close() {
      mock.close();
      memory.close();
    }
  }

  private final Side source = new Side(BalloonConfig.DEFAULT);
  private final Side target = new Side(BalloonConfig.DEFAULT);

  @AfterEach
  void close() {
    source.close();
    target.close();
  }

  /** The same rings, as the guest sees them after it has moved. */
  private MockQueue moved(MockQueue queue) {
    MockQueue there =
        new MockQueue(
            target.driver.guest(), queue.size(), queue.table(), queue.available(), queue.used());
    there.setAvailableIndex(queue.availableIndex());
    return there;
  }

  @Test
  void theTargetGivesTheBufferBackThatTheSourceHeldAndPollsOn() throws Exception {
    MockBalloonDriver guest = source.start();
    guest.report(FREE, 1);
    source.statistics().setInterval(3600);
    await().until(() -> guest.statsQueue().usedIndex() == 1);
    guest.report(FREE, 2);
    source.awaitFree(2);
    byte[] state = source.save();

    target.memory.ram().copyFrom(source.memory.ram());
    target.load(state);

    assertThat(target.statistics().interval()).isEqualTo(3600);
    MockQueue there = moved(guest.statsQueue());
    assertThat(there.usedIndex()).as("the machine does not run yet").isOne();
    target.mmio.resume();
    await().until(() -> there.usedIndex() == 2);
    assertThat(there.usedHead(1)).isOne();
    long report = 0x30_0000;
    target.driver.guest().put16(report, FREE);
    target.driver.guest().put64(report + 2, 3);
    there.add(MockBuffer.readable(report, 10));
    target.driver.notifyQueue(BalloonDevice.STATS_QUEUE);
    target.awaitFree(3);
  }

  @Test
  void aBufferThatIsHeldWithoutPollingIsHeldAtTheTarget() throws Exception {
    MockBalloonDriver guest = source.start();
    guest.report(FREE, 1);
    source.awaitFree(1);
    byte[] state = source.save();
    target.memory.ram().copyFrom(source.memory.ram());
    target.load(state);
    assertThat(target.save()).isEqualTo(state);
    target.mmio.resume();
    MockQueue there = moved(guest.statsQueue());
    assertThat(there.usedIndex()).isZero();

    target.statistics().ask();

    await().until(() -> there.usedIndex() == 1);
  }

  @Test
  void aGuestThatKnowsOfNoStatisticsMovesToWhereTheyAreOffered() throws Exception {
    try (Side plain = new Side(WITHOUT)) {
      plain.balloon.setTarget(7);
      plain.start().inflate(1500);
      byte[] state = plain.save();
      target.memory.ram().copyFrom(plain.memory.ram());
      target.load(state);
      assertThat(target.balloon.targetPages()).isEqualTo(7);
      assertThat(target.statistics().interval()).isZero();
      assertThat(target.balloon.bitmap().inactiveReason()).isEmpty();
    }
  }

  @Test
  void theFirstVersionHasNoStatistics() throws Exception {
    StateWriter writer = new StateWriter().u32(5).u32(6);
    StateReader reader = new StateReader("balloon0", writer.toByteArray());
    target.balloon.loadState(reader, 1);
    reader.end();
    assertThat(target.balloon.targetPages()).isEqualTo(5);
    assertThat(target.balloon.actualPages()).isEqualTo(6);
    assertThat(target.statistics().interval()).isZero();
    assertThat(target.statistics().held()).isEqualTo(BalloonStatistics.NONE);
  }

  private static StateReader state(long interval, boolean holds, int head) {
    StateWriter writer = new StateWriter().u32(5).u32(6).u32((int) interval).bool(holds).u16(head);
    return new StateReader("balloon0", writer.toByteArray());
  }

  @Test
  void aStateThatNoDeviceCanHaveIsRefused() {
    assertThatThrownBy(() -> target.balloon.loadState(state(0, true, 256), 2))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("descriptor 256");
    try (Side plain = new Side(WITHOUT)) {
      for (StateReader uses : new StateReader[] {state(1, false, 0), state(0, true, 0)}) {
        assertThatThrownBy(() -> plain.balloon.loadState(uses, 2))
            .isInstanceOf(StateFormatException.class)
            .hasMessageContaining("not offered here");
      }
      assertThat(plain.balloon.targetPages()).isZero();
    }
    assertThat(target.balloon.targetPages()).isZero();
  }

  @Test
  void aBufferThatIsSaidToBeHeldAndIsNotInTheQueueIsNotGivenBack() throws Exception {
    target.balloon.loadState(state(0, true, 3), 2);
    target.balloon.activate(target.balloon.features());
    QueueState setup = new QueueState(16, true, 0x1000, 0x2000, 0x3000, 0, 0);
    SplitVirtqueue queue = new SplitVirtqueue(target.memory, setup, 256, true, false);
    target.statistics().ask();
    assertThat(target.balloon.process(BalloonDevice.STATS_QUEUE, queue)).isFalse();
    assertThat(queue.publish()).isFalse();
    assertThat(queue.state().nextUsed()).isZero();
    assertThat(target.statistics().held()).isEqualTo(BalloonStatistics.NONE);
  }
}
