package dev.ballast.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.virtio.mock.MockBalloonDriver;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.transport.DeviceStatus;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random drivers, good and hostile; a failure names its seed. */
@Timeout(120)
class BalloonPropertyTest {
  private static final long DRIVER_BASE = 0x10_0000;

  /** Pages below belong to the driver's rings and buffers. */
  private static final int FIRST_PAGE = 1024;

  private static final int PAGES = 2048;

  private final SparseRam ram = new SparseRam((long) PAGES * RamBlock.PAGE_SIZE);
  private final GuestMemory memory = new GuestMemory(ram);
  private final BalloonDevice balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
  private final MockTransport mock = new MockTransport("balloon0", memory, balloon);
  private final VirtioMmio mmio = mock.transport();
  private final MockDriver driver = new MockDriver(memory, mock.registers(), DRIVER_BASE);

  @AfterEach
  void close() {
    mock.close();
    memory.close();
  }

  private static void check(PageBitmap actual, BitSet expected, String what) {
    BitSet found = new BitSet();
    actual.forEachRun((first, count) -> found.set((int) first, (int) (first + count)));
    assertThat(found).as(what).isEqualTo(expected);
  }

  private boolean isZero(int page) {
    MemorySegment segment = memory.ram().asSlice((long) page * RamBlock.PAGE_SIZE, 8);
    return segment.get(ValueLayout.JAVA_LONG, 0) == 0;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void theBitmapIsExactlyWhatTheGuestGave(long seed) {
    Random random = new Random(seed);
    BitSet model = new BitSet();
    MockBalloonDriver guest =
        new MockBalloonDriver(driver, balloon.features() | VirtioFeature.VERSION_1, 8);
    for (int round = 0; round < 400; round++) {
      String where = "seed " + seed + ", round " + round;
      memory.vmmDirty().clearAll();
      BitSet mustBeDirty = new BitSet();
      int base = random.nextInt(FIRST_PAGE, PAGES);
      int reach = random.nextInt(1, 200);
      long[] pfns = new long[random.nextInt(1, 300)];
      BitSet sent = new BitSet();
      for (int i = 0; i < pfns.length; i++) {
        pfns[i] = (long) base + random.nextInt(reach);
        if (pfns[i] < PAGES) {
          sent.set((int) pfns[i]);
        }
      }
      int step = random.nextInt(20);
      if (step == 0) {
        mustBeDirty.or(model);
        model.clear();
        driver.reset();
        guest = new MockBalloonDriver(driver, balloon.features() | VirtioFeature.VERSION_1, 8);
      } else if (step < 11) {
        sent.stream()
            .filter(page -> !model.get(page))
            .forEach(page -> driver.guest().put64((long) page << 12, -1));
        guest.inflate(pfns);
        model.or(sent);
        sent.stream().forEach(page -> assertThat(isZero(page)).as(where).isTrue());
      } else {
        mustBeDirty.or(model);
        mustBeDirty.and(sent);
        guest.deflate(pfns);
        model.andNot(sent);
      }
      check(balloon.bitmap().excluded(), model, where);
      mustBeDirty.stream()
          .forEach(page -> assertThat(memory.vmmDirty().get(page)).as(where).isTrue());
    }
    BalloonMetrics metrics = balloon.metrics();
    assertThat(metrics.inflatedPages() - metrics.deflatedPages())
        .as("a reset is no deflate")
        .isGreaterThanOrEqualTo(model.cardinality());
  }

  /**
   * Rings full of random bytes, in random places: the device may ask for a reset, and must live.
   */
  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13})
  void garbageInTheRingsNeverKillsTheDevice(long seed) {
    Random random = new Random(seed);
    int broken = 0;
    // The device may be stopped before it has looked at a round: so on until one has bitten.
    for (int round = 0; round < 300 || (broken == 0 && round < 100_000); round++) {
      String where = "seed " + seed + ", round " + round;
      long features = VirtioFeature.VERSION_1 | (random.nextLong() & balloon.features());
      MockDriver anew = new MockDriver(memory, mock.registers(), DRIVER_BASE);
      assertThat(anew.negotiate(features)).as(where).isTrue();
      int size = 1 << random.nextInt(9);
      MockQueue inflate = anew.addQueue(BalloonDevice.INFLATE_QUEUE, size);
      MockQueue deflate = anew.addQueue(BalloonDevice.DEFLATE_QUEUE, size);
      scramble(random, anew, inflate);
      scramble(random, anew, deflate);
      anew.start();
      anew.notifyQueue(random.nextInt());
      inflate.setAvailableIndex(random.nextInt(2 * size + 1));
      anew.notifyQueue(0);
      mmio.quiesce();
      mmio.resume();
      broken += (anew.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0 ? 1 : 0;
    }
    assertThat(broken).as("seed %d: the garbage bites", seed).isPositive();

    MockBalloonDriver guest =
        new MockBalloonDriver(
            new MockDriver(memory, mock.registers(), DRIVER_BASE),
            balloon.features() | VirtioFeature.VERSION_1,
            8);
    guest.inflate(FIRST_PAGE);
    assertThat(balloon.bitmap().excluded().get(FIRST_PAGE)).isTrue();
  }

  /** Mostly plausible descriptors, so that some get far, with now and then a field of noise. */
  private static void scramble(Random random, MockDriver driver, MockQueue queue) {
    for (int i = 0; i < queue.size(); i++) {
      long at = queue.table() + 16L * i;
      boolean wild = random.nextInt(16) == 0;
      driver.guest().put64(at, wild ? random.nextLong() : random.nextInt(PAGES) * 4096L);
      driver.guest().put32(at + 8, wild ? random.nextInt() : 4 * random.nextInt(1024));
      driver.guest().put16(at + 12, wild ? random.nextInt() : random.nextInt(2));
      driver.guest().put16(at + 14, wild ? random.nextInt() : random.nextInt(queue.size()));
      driver.guest().put16(queue.available() + 4 + 2L * i, random.nextInt(queue.size()));
    }
    driver.guest().put16(queue.available(), random.nextInt());
    driver.guest().put16(queue.available() + 4 + 2L * queue.size(), random.nextInt());
    queue.setAvailableIndex(random.nextInt(queue.size() + 1));
  }

  /** A guest that rewrites its rings while the device reads them. */
  @Test
  void ringsThatChangeUnderTheDeviceNeverKillIt() throws Exception {
    long seed = 99;
    Random random = new Random(seed);
    MockQueue[] shared = new MockQueue[1];
    driver.negotiate(balloon.features() | VirtioFeature.VERSION_1);
    shared[0] = driver.addQueue(BalloonDevice.INFLATE_QUEUE, 64);
    Thread vandal =
        new Thread(
            () -> {
              Random other = new Random(seed + 1);
              while (!Thread.currentThread().isInterrupted()) {
                long at = shared[0].table() + 8L * other.nextInt(128);
                driver.guest().put64(at, other.nextLong() & 0x0007_0003_ffff_ffffL);
              }
            });
    vandal.start();
    for (int round = 0; round < 500; round++) {
      driver.negotiate(balloon.features() | VirtioFeature.VERSION_1);
      driver.writeQueue(
          BalloonDevice.INFLATE_QUEUE,
          64,
          shared[0].table(),
          shared[0].available(),
          shared[0].used());
      driver.registers().queueReady(true);
      shared[0].setAvailableIndex(0);
      driver.start();
      shared[0].setAvailableIndex(random.nextInt(65));
      driver.notifyQueue(0);
      mmio.quiesce();
      mmio.resume();
    }
    vandal.interrupt();
    vandal.join();

    MockBalloonDriver guest =
        new MockBalloonDriver(
            new MockDriver(memory, mock.registers(), DRIVER_BASE),
            balloon.features() | VirtioFeature.VERSION_1,
            8);
    guest.inflate(FIRST_PAGE);
    await().until(() -> balloon.bitmap().excluded().get(FIRST_PAGE));
  }
}
