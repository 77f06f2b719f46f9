package dev.ballast.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.virtio.mock.MockBalloonDriver;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A balloon that moves from one machine to another, with its bitmap and without. */
class BalloonMigrationTest {
  private static final long RAM = 8 << 20;
  private static final long PAGE = 1500;

  private static final class Side implements AutoCloseable {
    final GuestMemory memory;
    final MockTransport mock;
    final BalloonDevice balloon;
    final VirtioMmio mmio;
    final MockDriver driver;

    Side(long ram, BalloonConfig config) {
      memory = new GuestMemory(new SparseRam(ram));
      balloon = new BalloonDevice(memory, config);
      mock = new MockTransport("balloon0", memory, balloon);
      mmio = mock.transport();
      driver = new MockDriver(memory, mock.registers(), 0x10_0000);
    }

    byte[] save() {
      mmio.quiesce();
      StateWriter writer = new StateWriter();
      mmio.saveState(writer);
      return writer.toByteArray();
    }

    void load(byte[] state) throws IOException {
      StateReader reader = new StateReader(mmio.stateName(), state);
      mmio.loadState(reader, 1);
      reader.end();
    }

    @Override
    public void close() {
      mock.close();
      memory.close();
    }
  }

  private final Side source = new Side(RAM, BalloonConfig.DEFAULT);
  private final Side target = new Side(RAM, BalloonConfig.DEFAULT);
  private final MockBalloonDriver guest =
      new MockBalloonDriver(source.driver, source.balloon.features() | VirtioFeature.VERSION_1, 16);

  @AfterEach
  void close() {
    source.close();
    target.close();
  }

  private void sendFromTheTarget(int queue, MockQueue ring, long page) {
    long array = target.driver.allocate(4, 4);
    target.driver.guest().put32(array, (int) page);
    MockQueue there =
        new MockQueue(
            target.driver.guest(), ring.size(), ring.table(), ring.available(), ring.used());
    there.setAvailableIndex(ring.availableIndex());
    long descriptor = ring.table() + 16L * (ring.size() - 1);
    target.driver.guest().put64(descriptor, array);
    target.driver.guest().put32(descriptor + 8, 4);
    there.makeAvailable(ring.size() - 1);
    target.driver.notifyQueue(queue);
    there.awaitAllUsed();
  }

  @Test
  void theBitmapAndTheDeviceGoOn() throws Exception {
    source.balloon.setTarget(100);
    guest.inflate(PAGE, PAGE + 1);
    guest.writeActual(2);
    byte[] state = source.save();

    target.memory.ram().copyFrom(source.memory.ram());
    target.balloon.bitmap().block().memory().copyFrom(source.balloon.bitmap().block().memory());
    target.load(state);

    assertThat(target.balloon.targetPages()).isEqualTo(100);
    assertThat(target.balloon.actualPages()).isEqualTo(2);
    assertThat(target.balloon.bitmap().excluded().cardinality()).isEqualTo(2);
    assertThat(target.balloon.bitmap().inactiveReason()).isEmpty();
    target.mmio.resume();
    sendFromTheTarget(BalloonDevice.DEFLATE_QUEUE, guest.deflateQueue(), PAGE + 1);
    assertThat(target.balloon.bitmap().excluded().cardinality()).isEqualTo(1);
    assertThat(target.balloon.metrics().deflatedPages()).isEqualTo(1);
    assertThat(target.memory.vmmDirty().get(PAGE + 1)).isTrue();
  }

  @Test
  void withoutTheBitmapTheTargetTracksFromThenOn() throws Exception {
    guest.inflate(PAGE);
    byte[] state = source.save();
    target.memory.ram().copyFrom(source.memory.ram());
    target.load(state);
    assertThat(target.balloon.bitmap().excluded().cardinality()).isZero();

    target.mmio.resume();
    sendFromTheTarget(BalloonDevice.DEFLATE_QUEUE, guest.deflateQueue(), PAGE);
    assertThat(target.balloon.metrics().unexpectedDeflatedPages()).isEqualTo(1);
    sendFromTheTarget(BalloonDevice.INFLATE_QUEUE, guest.inflateQueue(), PAGE + 7);
    assertThat(target.balloon.bitmap().excluded().get(PAGE + 7)).isTrue();
    assertThat(target.balloon.bitmap().excluded().cardinality()).isEqualTo(1);
  }

  @Test
  void aFeatureThatTheTargetDoesNotOfferIsRefused() {
    try (Side older = new Side(RAM, new BalloonConfig(false, true, true))) {
      byte[] state = source.save();
      assertThatThrownBy(() -> older.load(state))
          .isInstanceOf(StateFormatException.class)
          .hasMessageContaining("offered here");
    }
  }

  @Test
  void aTargetThatDoesNotFitIsRefused() {
    source.balloon.setTarget(RAM / 4096);
    byte[] state = source.save();
    try (Side smaller = new Side(RAM / 2, BalloonConfig.DEFAULT)) {
      assertThatThrownBy(() -> smaller.load(state))
          .isInstanceOf(StateFormatException.class)
          .hasMessageContaining("balloon target of 2048 pages");
      assertThat(smaller.driver.status()).isZero();
    }
  }

  @Test
  void whateverTheGuestClaimedToHaveGivenIsTaken() throws Exception {
    guest.writeActual(-1);
    target.load(source.save());
    assertThat(target.balloon.actualPages()).isEqualTo(0xffff_ffffL);
    assertThat(target.balloon.logicalBytes()).isZero();
  }

  /** A long request is served in batches, and may be half done when the machine stops. */
  @Test
  void aRequestThatIsHalfDoneIsDoneWholeAtTheTarget() throws Exception {
    int batches = 4;
    source.mmio.quiesce();
    long[] pfns = new long[batches * PfnRequests.BATCH_PFNS];
    for (int i = 0; i < pfns.length; i++) {
      pfns[i] = 1024L + i % 1024;
    }
    guest.inflateQueue().add(guest.array(pfns));
    MockQueue ring = guest.inflateQueue();
    QueueState setup =
        new QueueState(ring.size(), true, ring.table(), ring.available(), ring.used(), 0, 0);
    SplitVirtqueue queue = new SplitVirtqueue(source.memory, setup, 256, true, false);

    assertThat(source.balloon.process(BalloonDevice.INFLATE_QUEUE, queue)).isTrue();
    assertThat(source.balloon.metrics().repeatedPages()).isZero();
    assertThat(source.balloon.bitmap().excluded().cardinality()).isEqualTo(1024);
    assertThat(queue.publish()).as("not done yet").isFalse();
    assertThat(queue.state().nextAvailable()).as("not taken yet").isZero();

    target.memory.ram().copyFrom(source.memory.ram());
    SplitVirtqueue there = new SplitVirtqueue(target.memory, queue.state(), 256, true, false);
    for (int batch = 1; batch <= batches; batch++) {
      assertThat(target.balloon.process(BalloonDevice.INFLATE_QUEUE, there)).isTrue();
      assertThat(there.state().nextAvailable()).isEqualTo(batch / batches);
    }
    assertThat(target.balloon.process(BalloonDevice.INFLATE_QUEUE, there)).isFalse();
    there.publish();
    assertThat(target.balloon.bitmap().excluded().cardinality()).isEqualTo(1024);
    assertThat(target.balloon.metrics().repeatedPages()).isEqualTo((batches - 1) * 1024L);
  }
}
