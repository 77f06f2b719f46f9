package dev.ballast.virtio.transport;

import static dev.ballast.virtio.transport.VirtioFeature.EVENT_IDX;
import static dev.ballast.virtio.transport.VirtioFeature.VERSION_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.queue.QueueState;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class VirtioMmioStateTest {
  private static final int LIVE = 15;
  private static final QueueState SETUP = new QueueState(16, true, 0x1000, 0x2000, 0x3000, 0, 0);

  /** One machine's part: two of them share nothing but what a test copies. */
  private static final class Side implements AutoCloseable {
    final GuestMemory memory = new GuestMemory(new SparseRam(4 << 20));
    final EchoDevice device = new EchoDevice();
    final MockTransport mock = new MockTransport("echo0", memory, device);
    final VirtioMmio mmio = mock.transport();
    final MockDriver driver = new MockDriver(memory, mock.registers(), 0x10_0000);

    byte[] save() {
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

  private final Side source = new Side();
  private final Side target = new Side();

  @AfterEach
  void close() {
    source.close();
    target.close();
  }

  @Test
  void aLiveDeviceGoesOnWhereItWas() throws Exception {
    source.driver.negotiate(VERSION_1 | EVENT_IDX | EchoDevice.FEATURE);
    MockQueue queue = source.driver.addQueue(1, 64);
    source.driver.start();
    for (int i = 0; i < 3; i++) {
      queue.add(MockBuffer.readable(0x1000, 1));
    }
    source.driver.notifyQueue(1);
    queue.awaitAllUsed();
    source.device.changeConfig(0x1122);
    source.mmio.quiesce();
    queue.add(MockBuffer.readable(0x1000, 1));
    byte[] state = source.save();

    target.memory.ram().copyFrom(source.memory.ram());
    target.load(state);

    assertThat(target.save()).isEqualTo(state);
    assertThat(target.driver.status()).isEqualTo(LIVE);
    assertThat(target.device.activatedWith).isEqualTo(VERSION_1 | EVENT_IDX | EchoDevice.FEATURE);
    assertThat((int) target.driver.registers().readConfig(0, 4)).isEqualTo(0x1122);
    assertThat(target.driver.registers().interruptStatus()).isEqualTo(3);
    assertThat(target.driver.registers().maxQueueSize()).as("queue 1 selected").isEqualTo(64);
    MockQueue there =
        new MockQueue(target.driver.guest(), 64, queue.table(), queue.available(), queue.used());
    await().during(Duration.ofMillis(50)).until(() -> target.device.handled.get() == 0);

    target.mmio.resume();

    await().until(() -> there.usedIndex() == 4);
    assertThat(target.device.handled).as("only what was not yet").hasValue(1);
    assertThat(target.mock.interrupt().edges()).as("the edge is made again").isPositive();
  }

  @Test
  void aDeviceInTheMiddleOfNegotiationGoesOnWithIt() throws Exception {
    source.driver.negotiate(VERSION_1);
    source.driver.addQueue(0, 16);
    target.load(source.save());
    assertThat(target.save()).isEqualTo(source.save());
    assertThat(target.device.activatedWith).isEqualTo(-1);
    target.mmio.resume();

    target.driver.start();

    assertThat(target.driver.status()).isEqualTo(LIVE);
    assertThat(target.device.activatedWith).isEqualTo(VERSION_1);
  }

  @Test
  void aDeviceThatNeedsAResetStillDoes() throws Exception {
    source.driver.negotiate(VERSION_1);
    MockQueue queue = source.driver.addQueue(0, 16);
    source.driver.start();
    queue.add(MockBuffer.readable(0x1000, 1));
    source.driver.notifyQueue(0);
    queue.awaitAllUsed();
    queue.makeAvailable(0xffff);
    source.driver.notifyQueue(0);
    await().until(() -> source.driver.status() != LIVE);
    source.mmio.quiesce();

    target.load(source.save());
    target.mmio.resume();

    assertThat(target.driver.status()).isEqualTo(LIVE | DeviceStatus.DEVICE_NEEDS_RESET);
    target.driver.negotiate(VERSION_1);
    MockQueue fresh = target.driver.addQueue(0, 16);
    target.driver.start();
    fresh.add(MockBuffer.readable(0x1000, 1));
    target.driver.notifyQueue(0);
    fresh.awaitAllUsed();
  }

  @Test
  void everyTruncationIsRefusedAndChangesNothing() throws Exception {
    source.driver.negotiate(VERSION_1);
    source.driver.addQueue(0, 16);
    source.driver.start();
    source.mmio.quiesce();
    byte[] state = source.save();
    byte[] before = target.save();
    for (int length = 0; length < state.length; length++) {
      byte[] cut = Arrays.copyOf(state, length);
      assertThatThrownBy(() -> target.load(cut))
          .as("%d of %d bytes", length, state.length)
          .isInstanceOf(StateFormatException.class)
          .hasMessageContaining("echo0");
      assertThat(target.save()).isEqualTo(before);
    }
  }

  /** Builds a state that is right but for what a test changes. */
  private static final class StateBuilder {
    int deviceId = 42;
    int status = LIVE;
    long features = VERSION_1;
    int interrupts;
    int queueCount = 2;
    QueueState queue = SETUP;
    int deviceVersion = 3;

    byte[] build() {
      StateWriter writer = new StateWriter();
      writer.u32(deviceId).u32(status).u64(features);
      writer.u32(0).u32(0).u32(0).u32(interrupts).u32(0).u32(queueCount);
      queue.write(writer);
      QueueState.RESET.write(writer);
      writer.u32(deviceVersion).u64(0);
      return writer.toByteArray();
    }
  }

  private void assertRefused(StateBuilder builder, String says) {
    assertThatThrownBy(() -> target.load(builder.build()))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining(says);
  }

  @Test
  void theBuilderBuildsWhatIsAccepted() throws Exception {
    target.load(new StateBuilder().build());
    assertThat(target.driver.status()).isEqualTo(LIVE);
  }

  @Test
  void anotherDeviceIsRefused() {
    StateBuilder state = new StateBuilder();
    state.deviceId = 5;
    assertRefused(state, "device ID is 5");
    state = new StateBuilder();
    state.queueCount = 3;
    assertRefused(state, "queue count is 3");
    state = new StateBuilder();
    state.deviceVersion = 4;
    assertRefused(state, "device state version is 4");
    state.deviceVersion = 0;
    assertRefused(state, "device state version is 0");
  }

  @Test
  void aStatusThatNoDriverCanHaveSetIsRefused() {
    for (int status : new int[] {2, 4, 5, 7, 8, 9, 12, 14, 16, 31, 64, 64 | 11, 256 | 15, -1}) {
      StateBuilder state = new StateBuilder();
      state.status = status;
      assertRefused(state, "device status");
    }
  }

  @Test
  void featuresThatAreNotOfferedHereAreRefused() {
    for (long features : new long[] {0, EchoDevice.FEATURE, VERSION_1 | 1, -1}) {
      StateBuilder state = new StateBuilder();
      state.features = features;
      assertRefused(state, "features");
    }
  }

  @Test
  void interruptReasonsThatDoNotExistAreRefused() {
    for (int interrupts : new int[] {4, -1}) {
      StateBuilder state = new StateBuilder();
      state.interrupts = interrupts;
      assertRefused(state, "interrupt status");
    }
  }

  @Test
  void queuesThatCannotBeLiveAreRefused() {
    QueueState[] bad = {
      SETUP.withSize(3),
      SETUP.withSize(32),
      SETUP.withSize(-16),
      SETUP.withDescriptorTable(0x1001),
      SETUP.withAvailableRing(-2),
      SETUP.withUsedRing(4 << 20),
      new QueueState(16, true, 0x1000, 0x2000, 0x3000, 17, 0),
      new QueueState(16, true, 0x1000, 0x2000, 0x3000, 0, 1),
      new QueueState(16, false, 0x1000, 0x2000, 0x3000, 1, 1),
    };
    for (QueueState queue : bad) {
      StateBuilder state = new StateBuilder();
      state.queue = queue;
      assertRefused(state, "echo0");
      assertThat(target.driver.status()).isZero();
    }
    StateBuilder early = new StateBuilder();
    early.status = 3;
    assertRefused(early, "enabled before features");
    early.status = 11;
    early.queue = new QueueState(16, true, 0x1000, 0x2000, 0x3000, 1, 1);
    assertRefused(early, "not live");
  }

  @Test
  void randomBytesNeverDoWorseThanBeingRefused() {
    long seed = 20260101;
    Random random = new Random(seed);
    int accepted = 0;
    for (int round = 0; round < 20_000; round++) {
      byte[] state = new StateBuilder().build();
      for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
        state[random.nextInt(state.length)] = (byte) random.nextInt();
      }
      try {
        target.load(state);
        accepted++;
        target.mmio.resume();
      } catch (StateFormatException e) {
        assertThat(e).as("seed %d, round %d", seed, round).hasMessageContaining("echo0");
      } catch (IOException e) {
        throw new AssertionError("seed " + seed + ", round " + round, e);
      }
    }
    assertThat(accepted).as("some changes are harmless").isPositive();
  }
}
