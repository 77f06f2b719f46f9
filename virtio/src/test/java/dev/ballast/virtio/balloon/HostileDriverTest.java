package dev.ballast.virtio.balloon;

import static dev.ballast.virtio.balloon.BalloonDevice.DEFLATE_QUEUE;
import static dev.ballast.virtio.balloon.BalloonDevice.INFLATE_QUEUE;
import static org.assertj.core.api.Assertions.assertThat;
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
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A driver that breaks the rules, through the registers to the balloon and back: the device needs a
 * reset and says so (virtio v1.3 §2.1.2), keeps what was in the balloon, and works after the reset.
 */
@Timeout(60)
class HostileDriverTest {
  private static final long RAM = 16 << 20;
  private static final long ARRAY = 0x20_0000;
  private static final long INDIRECT_TABLE = 0x21_0000;
  private static final long GIVEN = 3000;

  private final SparseRam ram = new SparseRam(RAM);
  private final GuestMemory memory = new GuestMemory(ram);
  private final BalloonDevice balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
  private final MockTransport mock = new MockTransport("balloon0", memory, balloon);
  private final VirtioMmio mmio = mock.transport();
  private final MockDriver driver = new MockDriver(memory, mock.registers(), 0x10_0000);
  private MockBalloonDriver guest = start();

  private MockBalloonDriver start() {
    return new MockBalloonDriver(driver, balloon.features() | VirtioFeature.VERSION_1, 16);
  }

  @AfterEach
  void close() {
    mock.close();
    memory.close();
  }

  /** What a driver may do to the inflate queue and must not. */
  enum Attack {
    LOOP(
        queue -> {
          queue.descriptor(0, array(), MockBuffer.NEXT, 1);
          queue.descriptor(1, array(), MockBuffer.NEXT, 0);
          queue.makeAvailable(0);
        }),
    LOOP_IN_INDIRECT(
        queue -> {
          MockQueue table = queue.withTable(INDIRECT_TABLE);
          table.descriptor(0, array(), MockBuffer.NEXT, 1);
          table.descriptor(1, array(), MockBuffer.NEXT, 0);
          queue.add(new MockBuffer(INDIRECT_TABLE, 32, MockBuffer.INDIRECT));
        }),
    INDIRECT_IN_INDIRECT(
        queue ->
            queue.add(
                queue.indirect(INDIRECT_TABLE, queue.indirect(INDIRECT_TABLE + 64, array())))),
    INDIRECT_OF_ODD_LENGTH(
        queue -> queue.add(new MockBuffer(INDIRECT_TABLE, 24, MockBuffer.INDIRECT))),
    STRADDLES_THE_END_OF_RAM(queue -> queue.add(MockBuffer.readable(RAM - 4, 8))),
    OUTSIDE_RAM(queue -> queue.add(MockBuffer.readable(1L << 40, 4))),
    IN_THE_DEVICE_HOLE(queue -> queue.add(MockBuffer.readable(0xd000_0000L, 4))),
    WRAPS_AROUND(queue -> queue.add(MockBuffer.readable(-4, 8))),
    ODD_LENGTH(queue -> queue.add(MockBuffer.readable(ARRAY, 7))),
    WRITABLE(queue -> queue.add(MockBuffer.writable(ARRAY, 4))),
    READABLE_AFTER_WRITABLE(
        queue -> queue.add(MockBuffer.writable(ARRAY + 4, 4), MockBuffer.readable(ARRAY, 4))),
    BAD_HEAD(queue -> queue.makeAvailable(0xffff)),
    BAD_NEXT(
        queue -> {
          queue.descriptor(0, array(), MockBuffer.NEXT, 16);
          queue.makeAvailable(0);
        }),
    INDEX_JUMPS_AHEAD(queue -> queue.setAvailableIndex(queue.availableIndex() + 17)),
    INDEX_GOES_BACK(queue -> queue.setAvailableIndex(queue.availableIndex() - 1));

    @SuppressWarnings("ImmutableEnumChecker") // lambdas that keep nothing
    private final Consumer<MockQueue> act;

    Attack(Consumer<MockQueue> act) {
      this.act = act;
    }

    private static MockBuffer array() {
      return MockBuffer.readable(ARRAY, 4);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aBrokenRuleNeedsAReset(Attack attack) {
    guest.inflate(GIVEN);
    driver.guest().put32(ARRAY, (int) GIVEN + 1);
    int used = guest.inflateQueue().usedIndex();
    long faults = mmio.faults();
    driver.registers().acknowledgeInterrupt(3);

    attack.act.accept(guest.inflateQueue());
    driver.notifyQueue(INFLATE_QUEUE);

    await().until(() -> (driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
    await().until(() -> (driver.registers().interruptStatus() & 2) != 0);
    assertThat(guest.inflateQueue().usedIndex()).isEqualTo(used);
    assertThat(mmio.faults()).isEqualTo(faults + 1);
    assertThat(mmio.failures()).isZero();
    assertThat(balloon.bitmap().excluded().cardinality()).as("what was given before").isOne();

    driver.reset();
    assertThat(balloon.bitmap().excluded().cardinality()).isZero();
    guest = start();
    guest.inflate(GIVEN + 2);
    assertThat(balloon.bitmap().excluded().get(GIVEN + 2)).isTrue();
    assertThat(balloon.bitmap().excluded().cardinality()).isOne();
  }

  @Test
  void noRegisterOfALiveDeviceTakesItsQueuesAway() {
    guest.inflate(GIVEN);
    long features = driver.offeredFeatures();
    for (int queue : new int[] {INFLATE_QUEUE, DEFLATE_QUEUE, 2, -1}) {
      driver.registers().selectQueue(queue);
      driver.registers().queueReady(false);
      driver.writeQueue(queue, 3, -1, RAM - 1, 0xd000_0000L);
      driver.registers().queueReady(true);
    }
    driver.writeFeatures(~0L);
    driver.registers().status(DeviceStatus.ACKNOWLEDGE);
    driver.registers().status(~DeviceStatus.FAILED);

    guest.deflate(GIVEN);
    guest.inflate(GIVEN + 1);

    assertThat(driver.status() & DeviceStatus.DEVICE_NEEDS_RESET).isZero();
    assertThat(driver.offeredFeatures()).isEqualTo(features);
    assertThat(balloon.bitmap().inactiveReason()).isEmpty();
    assertThat(balloon.bitmap().excluded().get(GIVEN + 1)).isTrue();
    assertThat(balloon.bitmap().excluded().cardinality()).isOne();
  }

  @Test
  void notificationsOfEmptyAndAbsentQueuesDoNothing() {
    for (int i = 0; i < 100_000; i++) {
      driver.notifyQueue(i % 4 == 0 ? INFLATE_QUEUE : i * 0x9e37_79b9 | 2);
    }
    guest.inflate(GIVEN);
    assertThat(mmio.faults()).isZero();
    assertThat(balloon.bitmap().excluded().cardinality()).isOne();
  }

  /** The page with the array is discarded while the device reads it: the rest reads as zero. */
  @Test
  void thePageThatHoldsTheArrayMayBeGivenAway() {
    int count = PfnRequests.MAX_PFNS_PER_CHAIN;
    MockBuffer array = MockBuffer.readable(driver.allocate(4L * count, 4096), 4L * count);
    long first = array.address() >> 12;
    for (int i = 0; i < count; i++) {
      driver.guest().put32(array.address() + 4L * i, (int) (first + i % 64));
    }
    guest.inflateQueue().add(array);
    driver.notifyQueue(INFLATE_QUEUE);
    guest.inflateQueue().awaitAllUsed();
    assertThat(balloon.bitmap().excluded().get(first)).isTrue();
    assertThat(driver.status() & DeviceStatus.DEVICE_NEEDS_RESET).isZero();
  }
}
