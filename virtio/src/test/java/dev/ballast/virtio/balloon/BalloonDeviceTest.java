package dev.ballast.virtio.balloon;

import static dev.ballast.virtio.balloon.BalloonDevice.DEFLATE_ON_OOM;
import static dev.ballast.virtio.balloon.BalloonDevice.INFLATE_QUEUE;
import static dev.ballast.virtio.balloon.BalloonDevice.MUST_TELL_HOST;
import static dev.ballast.virtio.transport.VirtioFeature.EVENT_IDX;
import static dev.ballast.virtio.transport.VirtioFeature.INDIRECT_DESC;
import static dev.ballast.virtio.transport.VirtioFeature.VERSION_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.virtio.mock.MockBalloonDriver;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.mock.SparseRam.Discard;
import dev.ballast.virtio.transport.DeviceStatus;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BalloonDeviceTest {
  /** Reaches over the hole below 4 GiB, so that guest pages and RAM pages differ there. */
  private static final long RAM = (3L << 30) + (64L << 20);

  private static final long DRIVER_BASE = 0x10_0000;
  private static final long FIRST_HIGH_PFN = AddressMap.HIGH_RAM >> 12;
  private static final long FIRST_HIGH_PAGE = AddressMap.MMIO_HOLE >> 12;
  private static final long FEATURES =
      VERSION_1 | MUST_TELL_HOST | DEFLATE_ON_OOM | INDIRECT_DESC | EVENT_IDX;

  private final SparseRam ram = new SparseRam(RAM);
  private final GuestMemory memory = new GuestMemory(ram);
  private final BalloonDevice balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
  private final PageBitmap bitmap = balloon.bitmap().excluded();
  private final MockTransport mock = new MockTransport("balloon0", memory, balloon);
  private final VirtioMmio mmio = mock.transport();
  private final MockDriver driver = new MockDriver(memory, mock.registers(), DRIVER_BASE);

  @AfterEach
  void close() {
    mock.close();
    memory.close();
  }

  private MockBalloonDriver start() {
    return new MockBalloonDriver(driver, FEATURES, 64);
  }

  private List<Long> ballooned() {
    List<Long> pages = new ArrayList<>();
    bitmap.forEachRun((first, count) -> LongStream.range(first, first + count).forEach(pages::add));
    return pages;
  }

  private PageBitmap drainDirty() {
    PageBitmap dirty = PageBitmap.allocate(ram.pages());
    memory.vmmDirty().drainTo(dirty);
    return dirty;
  }

  private PageBitmap drainBitmapDirty() throws Exception {
    RamBlock block = balloon.bitmap().block();
    PageBitmap dirty = PageBitmap.allocate(block.pages());
    block.fetchDirtyLog(dirty);
    return dirty;
  }

  @Test
  void offersExactlyTheFeaturesOfItsConfiguration() {
    assertThat(driver.offeredFeatures()).isEqualTo(FEATURES | BalloonDevice.STATS_VQ);
    assertThat(new BalloonDevice(memory, new BalloonConfig(false, false, false)).features())
        .isEqualTo(INDIRECT_DESC | EVENT_IDX);
    assertThat(driver.registers().deviceId()).isEqualTo(5);
  }

  @Test
  void inflatesInCoalescedRunsWhateverTheOrder() {
    MockBalloonDriver guest = start();

    guest.inflate(0x1007, 0x1005, 0x2000, 0x1006, 0x1004, 0x1006);

    assertThat(ballooned()).containsExactly(0x1004L, 0x1005L, 0x1006L, 0x1007L, 0x2000L);
    assertThat(ram.discards())
        .containsExactly(new Discard(0x100_4000, 0x4000), new Discard(0x200_0000, 0x1000));
    assertThat(balloon.metrics().inflatedPages()).isEqualTo(5);
    assertThat(balloon.metrics().discards()).isEqualTo(2);
  }

  @Test
  void pagesInTheBalloonReadAsZero() {
    MockBalloonDriver guest = start();
    driver.guest().put64(0x100_0000, 0x1234_5678_9abc_def0L);

    guest.inflate(0x1000);

    assertThat(driver.guest().get32(0x100_0000)).isZero();
  }

  @Test
  void findsPagesAboveTheHoleAndCoalescesAcrossIt() {
    MockBalloonDriver guest = start();

    guest.inflate(FIRST_HIGH_PFN, FIRST_HIGH_PAGE - 1, FIRST_HIGH_PFN + 1);

    assertThat(ballooned())
        .containsExactly(FIRST_HIGH_PAGE - 1, FIRST_HIGH_PAGE, FIRST_HIGH_PAGE + 1);
    assertThat(ram.discards()).hasSize(1);
  }

  @Test
  void ignoresAndCountsPfnsOutsideRam() {
    MockBalloonDriver guest = start();

    guest.inflate(
        FIRST_HIGH_PAGE,
        FIRST_HIGH_PFN - 1,
        FIRST_HIGH_PFN + (64 << 8),
        0x7fff_ffffL,
        0x8000_0000L,
        0xffff_ffffL,
        0x8000_1000L,
        0x1000);

    assertThat(ballooned()).containsExactly(0x1000L);
    assertThat(balloon.metrics().badPfns()).isEqualTo(7);
    guest.deflate(0xffff_ffffL, 0x1000);
    assertThat(ballooned()).isEmpty();
    assertThat(balloon.metrics().badPfns()).isEqualTo(8);
    assertThat(driver.status() & DeviceStatus.DEVICE_NEEDS_RESET).isZero();
  }

  @Test
  void discardsNoPageTwice() {
    MockBalloonDriver guest = start();
    guest.inflate(0x1001, 0x1002);

    guest.inflate(0x1000, 0x1001, 0x1002, 0x1003);

    assertThat(ram.discards())
        .containsExactly(
            new Discard(0x100_1000, 0x2000),
            new Discard(0x100_0000, 0x1000),
            new Discard(0x100_3000, 0x1000));
    assertThat(balloon.metrics().repeatedPages()).isEqualTo(2);
    assertThat(balloon.metrics().inflatedPages()).isEqualTo(4);
  }

  @Test
  void deflateMarksWhatComesOutAsDirtyAndNothingElse() {
    MockBalloonDriver guest = start();
    guest.inflate(0x1000, 0x1001, FIRST_HIGH_PFN);
    drainDirty();

    guest.deflate(0x1001, FIRST_HIGH_PFN, 0x3000);

    assertThat(ballooned()).containsExactly(0x1000L);
    PageBitmap dirty = drainDirty();
    assertThat(dirty.get(0x1001)).isTrue();
    assertThat(dirty.get(FIRST_HIGH_PAGE)).isTrue();
    assertThat(dirty.get(0x1000)).isFalse();
    assertThat(dirty.get(0x3000)).isFalse();
    assertThat(balloon.metrics().deflatedPages()).isEqualTo(2);
    assertThat(balloon.metrics().unexpectedDeflatedPages()).isEqualTo(1);
  }

  @Test
  void theBitmapBlockIsDirtyWhereBitsChangedAndOnlyThen() throws Exception {
    MockBalloonDriver guest = start();
    assertThat(drainBitmapDirty().cardinality()).isZero();

    guest.inflate(0x1000, FIRST_HIGH_PFN);
    // A page of the bitmap holds 32768 bits: page 0x1000 is in its first, 3 GiB in its 24th.
    PageBitmap dirty = drainBitmapDirty();
    assertThat(dirty.cardinality()).isEqualTo(2);
    assertThat(dirty.get(0)).isTrue();
    assertThat(dirty.get(24)).isTrue();

    guest.inflate(0x1000);
    guest.deflate(0x2000);
    assertThat(drainBitmapDirty().cardinality()).isZero();

    guest.deflate(0x1000);
    assertThat(drainBitmapDirty().cardinality()).isEqualTo(1);
  }

  @Test
  void theBlockIsNamedAndHoldsABitForEveryPage() {
    RamBlock block = balloon.bitmap().block();
    assertThat(block.name()).isEqualTo("balloon-bitmap");
    assertThat(block.size()).isBetween(ram.pages() / 8, ram.pages() / 8 + 4095);
    assertThat(bitmap.size()).isEqualTo(ram.pages());
    assertThat(bitmap.memory().address()).isEqualTo(block.memory().address());
  }

  @Test
  void aResetByTheDriverEmptiesTheBalloonAndMarksItsPages() {
    MockBalloonDriver guest = start();
    guest.inflate(0x1000, 0x1001, FIRST_HIGH_PFN);
    guest.writeActual(3);
    drainDirty();

    driver.reset();

    assertThat(ballooned()).isEmpty();
    PageBitmap dirty = drainDirty();
    assertThat(dirty.get(0x1000)).isTrue();
    assertThat(dirty.get(0x1001)).isTrue();
    assertThat(dirty.get(FIRST_HIGH_PAGE)).isTrue();
    // The device may write into the used ring after it has published: not counted.
    dirty.clear(DRIVER_BASE >> 12, 16);
    assertThat(dirty.cardinality()).isEqualTo(3);
    assertThat(balloon.actualPages()).isZero();
  }

  @Test
  void aResetOfTheMachineEmptiesTheBalloonAndKeepsTheTarget() {
    balloon.setTarget(77);
    start().inflate(0x1000);

    mmio.quiesce();
    mmio.reset();
    mmio.resume();

    assertThat(ballooned()).isEmpty();
    assertThat(driver.status()).isZero();
    assertThat((int) driver.registers().readConfig(0, 4)).isEqualTo(77);
    start().inflate(0x1001);
    assertThat(ballooned()).containsExactly(0x1001L);
  }

  @Test
  void theFilterIsActiveOnlyWithADriverThatTellsTheHost() {
    assertThat(balloon.bitmap().name()).isEqualTo("skip-balloon");
    assertThat(balloon.bitmap().inactiveReason()).hasValue("no driver uses the balloon");

    start();
    assertThat(balloon.bitmap().inactiveReason()).isEmpty();

    new MockBalloonDriver(driver, FEATURES & ~MUST_TELL_HOST, 64).inflate(0x1000);
    assertThat(balloon.bitmap().inactiveReason())
        .hasValue("the driver did not negotiate VIRTIO_BALLOON_F_MUST_TELL_HOST");
    assertThat(ballooned()).containsExactly(0x1000L);

    driver.reset();
    assertThat(balloon.bitmap().inactiveReason()).hasValue("no driver uses the balloon");
  }

  @Test
  void aRefusedDiscardKeepsThePageOutOfTheBitmap() {
    MockBalloonDriver guest = start();
    ram.refuseDiscards(true);
    guest.inflate(0x1000, 0x2000);
    assertThat(ballooned()).isEmpty();
    assertThat(balloon.metrics().failedDiscards()).isEqualTo(2);

    ram.refuseDiscards(false);
    guest.inflate(0x1000);
    assertThat(ballooned()).containsExactly(0x1000L);
  }

  @Test
  void aBatchOfRequestsIsPublishedAtOnceWithOneInterrupt() {
    MockBalloonDriver guest = start();
    mmio.quiesce();
    int before = mock.interrupt().edges();
    for (long i = 0; i < 8; i++) {
      guest.inflateQueue().add(guest.array(0x2000 + i));
    }
    driver.notifyQueue(INFLATE_QUEUE);
    mmio.resume();
    guest.inflateQueue().awaitAllUsed();

    await().until(() -> mock.interrupt().edges() > before);
    assertThat(mock.interrupt().edges()).isEqualTo(before + 1);
    assertThat(ram.discards()).containsExactly(new Discard(0x200_0000, 0x8000));
  }

  @Test
  void anArrayMayBeCutIntoDescriptorsAnywhere() {
    MockBalloonDriver guest = start();
    MockBuffer all = guest.array(0x1000, 0x1010, 0x1020);
    guest
        .inflateQueue()
        .add(
            MockBuffer.readable(all.address(), 1),
            MockBuffer.readable(all.address() + 1, 6),
            MockBuffer.readable(all.address() + 7, 5));
    driver.notifyQueue(INFLATE_QUEUE);
    guest.inflateQueue().awaitAllUsed();
    assertThat(ballooned()).containsExactly(0x1000L, 0x1010L, 0x1020L);
  }

  @Test
  void anIndirectArrayOfTheLargestSizeIsTaken() {
    MockBalloonDriver guest = start();
    long[] pfns =
        LongStream.range(0, PfnRequests.MAX_PFNS_PER_CHAIN).map(i -> 0x8_0000 - 2 * i).toArray();
    MockBuffer array = guest.array(pfns);
    guest.inflateQueue().add(guest.inflateQueue().indirect(driver.allocate(16, 16), array));
    driver.notifyQueue(INFLATE_QUEUE);
    guest.inflateQueue().awaitAllUsed();
    assertThat(bitmap.cardinality()).isEqualTo(pfns.length);
    assertThat(guest.inflateQueue().usedLength(0)).isZero();
  }

  @Test
  void malformedRequestsNeedAResetAndTheDeviceWorksAfterIt() {
    List<List<MockBuffer>> requests =
        List.of(
            List.of(MockBuffer.readable(0x20_0000, 5)),
            List.of(MockBuffer.writable(0x20_0000, 4)),
            List.of(MockBuffer.readable(0x20_0000, 4), MockBuffer.writable(0x20_0000, 4)),
            List.of(MockBuffer.readable(0x20_0000, 4L * PfnRequests.MAX_PFNS_PER_CHAIN + 4)));
    for (List<MockBuffer> request : requests) {
      MockBalloonDriver guest = start();
      long faults = mmio.faults();
      guest.inflateQueue().add(request.toArray(MockBuffer[]::new));
      driver.notifyQueue(INFLATE_QUEUE);

      await().until(() -> (driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
      assertThat(guest.inflateQueue().usedIndex()).isZero();
      assertThat(mmio.faults()).isEqualTo(faults + 1);
    }
    start().inflate(0x1000);
    assertThat(ballooned()).containsExactly(0x1000L);
  }

  @Test
  void whatCameBeforeAMalformedRequestIsForgotten() {
    MockBalloonDriver guest = start();
    mmio.quiesce();
    guest.inflateQueue().add(guest.array(0x1000));
    guest.inflateQueue().add(MockBuffer.readable(0x20_0000, 5));
    mmio.resume();
    await().until(() -> (driver.status() & DeviceStatus.DEVICE_NEEDS_RESET) != 0);
    assertThat(guest.inflateQueue().usedIndex()).isZero();

    start().inflate(0x2000);
    assertThat(ballooned()).containsExactly(0x2000L);
  }

  @Test
  void aNewTargetInterruptsADriver() {
    balloon.setTarget(5);
    assertThat(mock.interrupt().edges()).isZero();
    start();
    int generation = driver.registers().configGeneration();

    balloon.setTarget(ram.pages());

    assertThat((int) driver.registers().readConfig(0, 4)).isEqualTo((int) ram.pages());
    assertThat(driver.registers().configGeneration()).isNotEqualTo(generation);
    assertThat(driver.registers().interruptStatus() & 2).isEqualTo(2);
    assertThat(mock.interrupt().edges()).isPositive();
    assertThat(balloon.targetPages()).isEqualTo(ram.pages());
    assertThatThrownBy(() -> balloon.setTarget(ram.pages() + 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> balloon.setTarget(-1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void whatTheGuestWritesIntoActualIsReportedAndTrustedByNobody() {
    List<Long> heard = new ArrayList<>();
    balloon.onActualChange(heard::add);
    MockBalloonDriver guest = start();

    guest.writeActual(256);
    guest.writeActual(256);
    assertThat(balloon.logicalBytes()).isEqualTo(RAM - (1 << 20));
    guest.writeActual(-1);

    assertThat(heard).containsExactly(256L, 0xffff_ffffL);
    assertThat(balloon.actualPages()).isEqualTo(0xffff_ffffL);
    assertThat(balloon.logicalBytes()).isZero();
  }

  @Test
  void theConfigurationSpaceTakesAllWidths() {
    start();
    balloon.setTarget(0x1234);
    driver.registers().writeConfig(4, 1, 0x11);
    driver.registers().writeConfig(5, 1, 0x22);
    driver.registers().writeConfig(6, 2, 0x4433);
    assertThat(balloon.actualPages()).isEqualTo(0x4433_2211L);
    assertThat(driver.registers().readConfig(0, 8)).isEqualTo(0x4433_2211_0000_1234L);
    assertThat(driver.registers().readConfig(1, 1)).isEqualTo(0x12);
    assertThat(driver.registers().readConfig(4, 2)).isEqualTo(0x2211);
    assertThat(driver.registers().readConfig(8, 4)).isZero();
    assertThat(driver.registers().readConfig(0xe00, 8)).isZero();

    driver.registers().writeConfig(0, 4, 0xffff_ffffL);
    assertThat(balloon.targetPages()).isEqualTo(0x1234);
    driver.registers().writeConfig(0, 8, 0x0102_0304_ffff_ffffL);
    assertThat(balloon.actualPages()).isEqualTo(0x0102_0304L);
    assertThat(balloon.targetPages()).isEqualTo(0x1234);
  }
}
