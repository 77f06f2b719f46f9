package dev.ballast.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;

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
import dev.ballast.vmm.memory.PageBitmap;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Timeout;

/**
 * Random registers, rings, questions and resets, in any order, with good requests between them.
 * Whatever happens, the device itself does not fail, and a page is in the bitmap only if it was
 * discarded since the last reset, or the guest gave it and did not take it back.
 */
@Timeout(120)
class HostileDriverFuzzTest {
  private static final int STEPS = 20_000;

  /** How often the device must have needed a reset before the test ends. */
  private static final int BROKEN = 200;

  private static final int PAGES = 4096;
  private static final long DRIVER_BASE = 0x10_0000;

  /** Where rings and arrays are made; only pages above are given on purpose. */
  private static final long DRIVER_END = 0x40_0000;

  private final SparseRam ram = new SparseRam(PAGES * 4096L);
  private final GuestMemory memory = new GuestMemory(ram);
  private final BalloonDevice balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
  private final MockTransport mock = new MockTransport("balloon0", memory, balloon);
  private final VirtioMmio mmio = mock.transport();
  private final BitSet discarded = new BitSet();
  private int seenDiscards;
  private MockDriver driver = new MockDriver(memory, mock.registers(), DRIVER_BASE);

  @AfterEach
  void close() {
    mock.close();
    memory.close();
  }

  @RepeatedTest(3)
  void theDeviceOutlivesAnyDriver() {
    long seed = System.nanoTime();
    System.out.println("HostileDriverFuzzTest seed " + seed);
    Random random = new Random(seed);
    MockQueue[] queues = negotiate(random);
    int broken = 0;
    // The worker may be slow to come: on until the noise has bitten often enough.
    for (int step = 0; step < STEPS || broken < BROKEN; step++) {
      act(random, queues);
      if (step % 50 == 0) {
        check("seed " + seed + ", step " + step);
      }
      int status = driver.status();
      if ((status & DeviceStatus.DEVICE_NEEDS_RESET) != 0) {
        broken++;
        queues = negotiate(random);
      } else if (random.nextInt((status & DeviceStatus.DRIVER_OK) == 0 ? 8 : 500) == 0) {
        queues = negotiate(random);
      }
    }
    check("seed " + seed);
    assertThat(balloon.metrics().inflatedPages()).as("seed %d", seed).isPositive();
    assertThat(balloon.metrics().deflatedPages()).as("seed %d", seed).isPositive();

    new MockBalloonDriver(driver, balloon.features() | VirtioFeature.VERSION_1, 8)
        .inflate(PAGES - 1);
    assertThat(balloon.bitmap().excluded().get(PAGES - 1)).as("seed %d", seed).isTrue();
  }

  private MockQueue[] negotiate(Random random) {
    driver.reset();
    drainDiscards();
    discarded.clear();
    driver = new MockDriver(memory, mock.registers(), DRIVER_BASE);
    long features = VirtioFeature.VERSION_1 | (random.nextLong() & balloon.features());
    driver.negotiate(features);
    int size = 1 << random.nextInt(9);
    boolean stats = (features & BalloonDevice.STATS_VQ) != 0 || random.nextInt(16) == 0;
    MockQueue[] queues = new MockQueue[stats ? 3 : 2];
    for (int i = 0; i < queues.length; i++) {
      queues[i] = driver.addQueue(i, size);
    }
    driver.start();
    return queues;
  }

  private void act(Random random, MockQueue[] queues) {
    MockQueue queue = queues[random.nextInt(queues.length)];
    switch (random.nextInt(13)) {
      case 0 -> mock.registers().write(random.nextInt(0x44) * 4, noise(random));
      case 1 -> mmio.write(random.nextInt(0x200), 1 << random.nextInt(4), random.nextLong());
      case 2 -> mmio.read(random.nextInt(0x200), 1 << random.nextInt(4));
      case 3 -> scramble(random, queue);
      case 4 -> queue.setAvailableIndex(queue.usedIndex() + random.nextInt(queue.size() + 2));
      case 5 -> driver.notifyQueue(noise(random));
      case 6 -> balloon.setTarget(random.nextInt(PAGES + 1));
      case 7 -> {
        mmio.quiesce();
        mmio.resume();
      }
      case 8 -> queue.setUsedEvent(random.nextInt());
      case 9 -> balloon.statistics().orElseThrow().ask();
      default -> request(random, queue);
    }
  }

  private static int noise(Random random) {
    return random.nextBoolean() ? random.nextInt() : random.nextInt(16);
  }

  /** Makes a well-formed request available, in a descriptor of its own. */
  private void request(Random random, MockQueue queue) {
    int slotNumber = random.nextInt(queue.size());
    long array = DRIVER_END - 0x1000 * (1L + random.nextInt(64));
    int count = random.nextInt(1, 65);
    int base = random.nextInt((int) (DRIVER_END >> 12), PAGES + 8);
    for (int i = 0; i < count; i++) {
      driver.guest().put32(array + 4L * i, random.nextInt(64) == 0 ? random.nextInt() : base + i);
    }
    queue.descriptor(slotNumber, MockBuffer.readable(array, 4L * count), 0, 0);
    queue.makeAvailable(slotNumber);
    driver.notifyQueue(0);
  }

  /** Mostly plausible descriptors, so that some get far, with now and then a field of noise. */
  private void scramble(Random random, MockQueue queue) {
    for (int i = 0; i < queue.size(); i++) {
      long at = queue.table() + 16L * i;
      boolean wild = random.nextInt(32) == 0;
      driver.guest().put64(at, wild ? random.nextLong() : random.nextInt(PAGES) * 4096L);
      driver.guest().put32(at + 8, wild ? random.nextInt() : 4 * random.nextInt(1024));
      driver.guest().put16(at + 12, wild ? random.nextInt() : random.nextInt(8));
      driver.guest().put16(at + 14, wild ? random.nextInt() : random.nextInt(queue.size()));
      driver
          .guest()
          .put16(
              queue.available() + 4 + 2L * i,
              wild ? random.nextInt() : random.nextInt(queue.size()));
    }
  }

  private void drainDiscards() {
    var all = ram.discards();
    for (; seenDiscards < all.size(); seenDiscards++) {
      SparseRam.Discard discard = all.get(seenDiscards);
      int first = (int) (discard.offset() / 4096);
      discarded.set(first, first + (int) (discard.length() / 4096));
    }
  }

  private void check(String where) {
    mmio.quiesce();
    assertThat(mmio.failures()).as(where).isZero();
    PageBitmap bits = balloon.bitmap().excluded();
    drainDiscards();
    bits.forEachRun(
        (first, count) ->
            assertThat(discarded.get((int) first, (int) (first + count)).cardinality())
                .as("%s: pages %d+%d", where, first, count)
                .isEqualTo((int) count));
    assertThat(balloon.metrics().inflatedPages() - balloon.metrics().deflatedPages())
        .as(where)
        .isGreaterThanOrEqualTo(bits.cardinality());
    mmio.resume();
  }
}
