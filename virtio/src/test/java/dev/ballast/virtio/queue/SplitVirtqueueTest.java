package dev.ballast.virtio.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.virtio.mock.GuestView;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageBitmap;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SplitVirtqueueTest {
  private static final int SIZE = 8;
  private static final long TABLE = 0x1000;
  private static final long AVAILABLE = 0x2000;
  private static final long USED = 0x3000;
  private static final QueueState SETUP = new QueueState(SIZE, true, TABLE, AVAILABLE, USED, 0, 0);

  private final GuestMemory memory = new GuestMemory(new SparseRam(4 << 20));
  private final MockQueue driver =
      new MockQueue(new GuestView(memory), SIZE, TABLE, AVAILABLE, USED);

  @AfterEach
  void close() {
    memory.close();
  }

  private SplitVirtqueue queue(boolean eventIndex) throws VirtqueueException {
    return new SplitVirtqueue(memory, SETUP, 256, true, eventIndex);
  }

  private static DescriptorChain take(SplitVirtqueue queue) throws VirtqueueException {
    return Objects.requireNonNull(queue.next());
  }

  @Test
  void takesChainsInTheOrderOfTheAvailableRing() throws Exception {
    SplitVirtqueue queue = queue(false);
    assertThat(queue.next()).isNull();
    int first = driver.add(MockBuffer.readable(0x10000, 16), MockBuffer.writable(0x20000, 32));
    int second = driver.add(MockBuffer.readable(0x30000, 8));

    DescriptorChain chain = take(queue);
    assertThat(chain.head()).isEqualTo(first);
    assertThat(chain.bufferCount()).isEqualTo(2);
    assertThat(chain.readableCount()).isEqualTo(1);
    assertThat(chain.ramOffset(0)).isEqualTo(0x10000);
    assertThat(chain.length(0)).isEqualTo(16);
    assertThat(chain.ramOffset(1)).isEqualTo(0x20000);
    assertThat(chain.readableBytes()).isEqualTo(16);
    assertThat(chain.writableBytes()).isEqualTo(32);
    assertThat(take(queue).head()).isEqualTo(second);
    assertThat(queue.next()).isNull();
  }

  @Test
  void showsCompletedChainsOnlyWhenPublished() throws Exception {
    SplitVirtqueue queue = queue(false);
    int first = driver.add(MockBuffer.writable(0x10000, 16));
    int second = driver.add(MockBuffer.writable(0x20000, 16));
    // Completed in another order than taken, which the driver has to stand.
    take(queue);
    take(queue);
    queue.complete(second, 7);
    queue.complete(first, 9);
    assertThat(driver.usedIndex()).isZero();

    assertThat(queue.publish()).isTrue();

    assertThat(driver.usedIndex()).isEqualTo(2);
    assertThat(driver.usedHead(0)).isEqualTo(second);
    assertThat(driver.usedLength(0)).isEqualTo(7);
    assertThat(driver.usedHead(1)).isEqualTo(first);
    assertThat(driver.usedLength(1)).isEqualTo(9);
    assertThat(queue.publish()).as("nothing new").isFalse();
  }

  @Test
  void aChainThatIsPutBackIsTakenAgain() throws Exception {
    SplitVirtqueue queue = queue(false);
    int first = driver.add(MockBuffer.readable(0x10000, 16));
    int second = driver.add(MockBuffer.readable(0x20000, 16));
    queue.complete(take(queue).head(), 0);
    assertThat(take(queue).head()).isEqualTo(second);
    queue.putBack();
    queue.publish();
    assertThat(driver.usedIndex()).isEqualTo(1);
    assertThat(driver.usedHead(0)).isEqualTo(first);
    assertThat(queue.state().nextAvailable()).isEqualTo(1);
    assertThat(take(queue).head()).isEqualTo(second);
    queue.complete(second, 0);
    assertThatThrownBy(queue::putBack).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void completingWhatWasNotTakenIsTheDevicesError() throws Exception {
    SplitVirtqueue queue = queue(false);
    assertThatThrownBy(() -> queue.complete(0, 0)).isInstanceOf(IllegalStateException.class);
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void goesRoundTheRingAndRoundTheIndex(boolean eventIndex) throws Exception {
    SplitVirtqueue queue = queue(eventIndex);
    for (int i = 0; i < 70_000; i++) {
      driver.setUsedEvent(i);
      int head = driver.add(MockBuffer.readable(0x10000, i + 1));
      DescriptorChain chain = take(queue);
      assertThat(chain.readableBytes()).isEqualTo(i + 1);
      queue.complete(head, 0);
      assertThat(queue.publish()).isTrue();
      assertThat(driver.usedIndex()).isEqualTo((i + 1) & 0xffff);
      assertThat(driver.usedHead(i)).isEqualTo(head);
    }
  }

  @Test
  void allWritesToRingsAreMarkedDirty() throws Exception {
    SplitVirtqueue queue = queue(true);
    driver.add(MockBuffer.readable(0x10000, 16));
    PageBitmap dirty = PageBitmap.allocate(memory.size() / 4096);

    queue.complete(take(queue).head(), 0);
    memory.vmmDirty().drainTo(dirty);
    assertThat(dirty.get(USED / 4096)).as("used entry").isTrue();
    dirty.clearAll();
    queue.publish();
    memory.vmmDirty().drainTo(dirty);
    assertThat(dirty.get(USED / 4096)).as("used index").isTrue();
    dirty.clearAll();
    queue.enableNotifications();
    memory.vmmDirty().drainTo(dirty);
    assertThat(dirty.get(USED / 4096)).as("avail_event").isTrue();
    assertThat(dirty.cardinality()).isEqualTo(1);
  }

  @Test
  void withoutEventIndexFlagsSuppressInterruptsAndNotifications() throws Exception {
    SplitVirtqueue queue = queue(false);
    queue.suppressNotifications();
    assertThat(driver.wantsNotification(0, false)).isFalse();
    assertThat(queue.enableNotifications()).isFalse();
    assertThat(driver.wantsNotification(0, false)).isTrue();

    driver.add(MockBuffer.readable(0x10000, 16));
    assertThat(queue.enableNotifications()).as("came before").isTrue();
    queue.complete(take(queue).head(), 0);
    driver.setAvailableFlags(1);
    assertThat(queue.publish()).isFalse();
    assertThat(driver.usedIndex()).isEqualTo(1);
  }

  @Test
  void withEventIndexTheFlagsAreLeftAloneBothWays() throws Exception {
    SplitVirtqueue queue = queue(true);
    queue.suppressNotifications();
    assertThat(driver.usedFlags()).isZero();
    driver.add(MockBuffer.readable(0x10000, 16));
    queue.complete(take(queue).head(), 0);
    driver.setAvailableFlags(1);
    assertThat(queue.publish()).as("the flag counts for nothing").isTrue();
  }

  @Test
  void interruptsWhenThePublishedBatchHoldsTheUsedEvent() throws Exception {
    for (int event = 0; event < 8; event++) {
      SplitVirtqueue queue = queue(true);
      driver.setAvailableIndex(0);
      for (int i = 0; i < 5; i++) {
        driver.add(MockBuffer.readable(0x10000, 16));
      }
      driver.setUsedEvent(event);
      completeOne(queue);
      completeOne(queue);
      assertThat(queue.publish()).as("entries 0, 1; event %d", event).isEqualTo(event <= 1);
      completeOne(queue);
      completeOne(queue);
      completeOne(queue);
      assertThat(queue.publish())
          .as("entries 2 to 4; event %d", event)
          .isEqualTo(event >= 2 && event <= 4);
    }
  }

  private static void completeOne(SplitVirtqueue queue) throws VirtqueueException {
    queue.complete(take(queue).head(), 0);
  }

  @Test
  void asksForNotificationOfTheNextChainByAvailEvent() throws Exception {
    SplitVirtqueue queue = queue(true);
    driver.add(MockBuffer.readable(0x10000, 16));
    driver.add(MockBuffer.readable(0x10000, 16));
    take(queue);
    assertThat(queue.enableNotifications()).as("one is left").isTrue();
    take(queue);
    assertThat(queue.enableNotifications()).isFalse();
    assertThat(driver.availableEvent()).isEqualTo(2);

    driver.add(MockBuffer.readable(0x10000, 16));
    assertThat(driver.wantsNotification(2, true)).isTrue();
    driver.add(MockBuffer.readable(0x10000, 16));
    assertThat(driver.wantsNotification(3, true)).as("asked for once").isFalse();
  }

  @Test
  void anAvailableIndexThatRunsAheadIsAFault() throws Exception {
    SplitVirtqueue queue = queue(false);
    driver.setAvailableIndex(SIZE + 1);
    assertThatThrownBy(queue::next)
        .isInstanceOf(VirtqueueException.class)
        .hasMessageContaining("9 chains available");

    SplitVirtqueue again = queue(false);
    for (int i = 0; i < SIZE; i++) {
      driver.descriptor(i, MockBuffer.readable(0x10000, 4), 0, 0);
    }
    driver.setAvailableIndex(SIZE);
    take(again);
    driver.setAvailableIndex(SIZE + 1);
    assertThatThrownBy(again::next)
        .as("one is in flight, so that 8 cannot be available")
        .isInstanceOf(VirtqueueException.class);
  }

  @Test
  void anAvailableIndexThatGoesBackIsAFault() throws Exception {
    SplitVirtqueue queue = queue(false);
    driver.add(MockBuffer.readable(0x10000, 16));
    take(queue);
    driver.setAvailableIndex(0);
    assertThatThrownBy(queue::next).isInstanceOf(VirtqueueException.class);
    assertThatThrownBy(queue::enableNotifications).isInstanceOf(VirtqueueException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0x1000, 0x2000, 0x3000, queue size 0",
    "3, 0x1000, 0x2000, 0x3000, queue size 3",
    "512, 0x1000, 0x2000, 0x3000, queue size 512",
    "-2147483648, 0x1000, 0x2000, 0x3000, queue size 2147483648",
    "8, 0x1008, 0x2000, 0x3000, descriptor table",
    "8, 0x1000, 0x2001, 0x3000, available ring",
    "8, 0x1000, 0x2000, 0x3002, used ring",
    "8, 0x400000, 0x2000, 0x3000, descriptor table",
    "8, 0x3fff90, 0x2000, 0x3000, descriptor table",
    "8, 0x1000, 0x3fffec, 0x3000, available ring",
    "8, 0x1000, 0x2000, 0x3fffbc, used ring",
    "8, 0xfffffffffffffff0, 0x2000, 0x3000, descriptor table",
    "8, 0x1000, 0xfffffffffffffffe, 0x3000, available ring",
    "8, 0x1000, 0x2000, 0xfffffffffffffffc, used ring",
  })
  void refusesRingsThatAreNotWhollyRam(
      int size, String table, String available, String used, String says) {
    QueueState setup =
        new QueueState(
            size,
            true,
            Long.parseUnsignedLong(table.substring(2), 16),
            Long.parseUnsignedLong(available.substring(2), 16),
            Long.parseUnsignedLong(used.substring(2), 16),
            0,
            0);
    assertThatThrownBy(() -> new SplitVirtqueue(memory, setup, 256, true, true))
        .isInstanceOf(VirtqueueException.class)
        .hasMessageContaining(says);
  }

  @Test
  void refusesRingsAcrossTheHoleBelowFourGibibytes() throws Exception {
    long low = AddressMap.MMIO_HOLE;
    long high = AddressMap.HIGH_RAM;
    try (GuestMemory large = new GuestMemory(new SparseRam(low + (4 << 20)))) {
      assertThatThrownBy(() -> alive(large, SETUP.withDescriptorTable(low - 16)))
          .isInstanceOf(VirtqueueException.class)
          .hasMessageContaining("descriptor table at 0xbffffff0");
      assertThatThrownBy(() -> alive(large, SETUP.withAvailableRing(low - 4)))
          .isInstanceOf(VirtqueueException.class)
          .hasMessageContaining("available ring at 0xbffffffc");
      assertThatThrownBy(() -> alive(large, SETUP.withUsedRing(low - 4)))
          .isInstanceOf(VirtqueueException.class)
          .hasMessageContaining("used ring at 0xbffffffc");

      // Above the hole an address is not the offset in RAM.
      QueueState above = new QueueState(SIZE, true, high, high + 0x1000, high + 0x2000, 0, 0);
      SplitVirtqueue queue = alive(large, above);
      MockQueue ring =
          new MockQueue(new GuestView(large), SIZE, high, high + 0x1000, high + 0x2000);
      int head = ring.add(MockBuffer.readable(high + 0x3000, 16));
      large.vmmDirty().clearAll();
      DescriptorChain chain = take(queue);
      assertThat(chain.ramOffset(0)).isEqualTo(low + 0x3000);
      queue.complete(chain.head(), 0);
      assertThat(queue.publish()).isTrue();
      assertThat(ring.usedIndex()).isEqualTo(1);
      assertThat(ring.usedHead(0)).isEqualTo(head);
      assertThat(large.vmmDirty().nextSet(0)).isEqualTo((low + 0x2000) / 4096);
      assertThat(large.vmmDirty().cardinality()).isEqualTo(1);
    }
  }

  private static SplitVirtqueue alive(GuestMemory memory, QueueState setup)
      throws VirtqueueException {
    return new SplitVirtqueue(memory, setup, 256, true, false);
  }

  @Test
  void chainsOfTheDevicesOwnOutliveTheNextAndAreCompletedInAnyOrder() throws Exception {
    SplitVirtqueue queue = queue(false);
    DescriptorChain[] taken = new DescriptorChain[SIZE];
    for (int i = 0; i < SIZE; i++) {
      driver.add(MockBuffer.writable(0x10000 + 0x1000L * i, 4 + i));
      taken[i] = new DescriptorChain(memory, SIZE);
      assertThat(queue.next(taken[i])).isTrue();
    }
    assertThat(queue.next(new DescriptorChain(memory, SIZE))).isFalse();
    assertThat(queue.inFlight()).isEqualTo(SIZE);
    for (int i = 0; i < SIZE; i++) {
      driver.descriptor(i, MockBuffer.readable(-1, 0xffff_ffffL), 0, 0);
    }

    for (int i = 0; i < SIZE; i++) {
      DescriptorChain chain = taken[(i * 5 + 3) % SIZE];
      assertThat(chain.writer().fill((byte) chain.head(), 2 * SIZE)).isEqualTo(4 + chain.head());
      queue.complete(chain.head(), chain.writer().written());
      assertThat(queue.publish()).isTrue();
    }

    GuestView guest = new GuestView(memory);
    for (int i = 0; i < SIZE; i++) {
      int head = (i * 5 + 3) % SIZE;
      assertThat(driver.usedHead(i)).isEqualTo(head);
      assertThat(driver.usedLength(i)).isEqualTo(4 + head);
      assertThat(guest.get16(0x10000 + 0x1000L * head)).isEqualTo(head | head << 8);
    }
    assertThat(queue.inFlight()).isZero();
  }

  @Test
  void aChainThatIsTooSmallForTheQueueIsTheDevicesError() throws Exception {
    SplitVirtqueue queue = queue(false);
    driver.add(MockBuffer.readable(0x10000, 16));
    DescriptorChain small = new DescriptorChain(memory, SIZE - 1);
    assertThatThrownBy(() -> queue.next(small))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("7 descriptors");
    assertThat(queue.next(new DescriptorChain(memory, 2 * SIZE))).isTrue();
  }

  @Test
  void aLargerChainStillHasTheBoundsOfItsQueue() throws Exception {
    SplitVirtqueue queue = queue(false);
    MockBuffer[] tooMany = new MockBuffer[SIZE + 1];
    Arrays.fill(tooMany, MockBuffer.readable(0x10000, 16));
    driver.add(driver.indirect(0x8000, tooMany));
    assertThatThrownBy(() -> queue.next(new DescriptorChain(memory, 2 * SIZE)))
        .isInstanceOf(VirtqueueException.class)
        .hasMessageContaining("more than 8 descriptors");
  }

  @Test
  void aChainWrittenToItsLastByteOfFourGibibytesIsReportedAsLongAsCanBe() throws Exception {
    SplitVirtqueue queue = queue(false);
    driver.add(MockBuffer.writable(0x10000, 16));
    queue.complete(take(queue).head(), 1L << 32);
    assertThat(driver.usedLength(0)).isEqualTo(0xffff_ffff);
  }

  @Test
  void ringsMayEndWithRam() throws Exception {
    long end = memory.size();
    for (QueueState setup :
        new QueueState[] {
          SETUP.withDescriptorTable(end - 16 * SIZE),
          SETUP.withAvailableRing(end - 6 - 2 * SIZE),
          SETUP.withUsedRing(end - 8 - 8 * SIZE)
        }) {
      assertThat(new SplitVirtqueue(memory, setup, SIZE, true, true).size()).isEqualTo(SIZE);
    }
  }

  @Test
  void goesOnFromASavedState() throws Exception {
    SplitVirtqueue source = queue(true);
    for (int i = 0; i < 5; i++) {
      driver.add(MockBuffer.readable(0x10000, i + 1));
    }
    completeOne(source);
    completeOne(source);
    source.publish();
    QueueState saved = source.state();
    assertThat(saved).isEqualTo(SETUP.at(2, 2));

    SplitVirtqueue target = new SplitVirtqueue(memory, saved, 256, true, true);
    driver.setUsedEvent(2);
    DescriptorChain chain = take(target);
    assertThat(chain.readableBytes()).isEqualTo(3);
    target.complete(chain.head(), 0);
    assertThat(target.publish()).isTrue();
    assertThat(driver.usedIndex()).isEqualTo(3);
  }

  @Test
  void refusesAStateWithMoreInFlightThanFits() throws Exception {
    assertThat(new SplitVirtqueue(memory, SETUP.at(3, 65531), 256, true, true).state())
        .isEqualTo(SETUP.at(3, 65531));
    assertThatThrownBy(() -> new SplitVirtqueue(memory, SETUP.at(4, 65531), 256, true, true))
        .isInstanceOf(VirtqueueException.class);
    assertThatThrownBy(() -> new SplitVirtqueue(memory, SETUP.at(0, 1), 256, true, true))
        .isInstanceOf(VirtqueueException.class);
  }
}
