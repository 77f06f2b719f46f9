package dev.ballast.virtio.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.virtio.mock.GuestView;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DescriptorChainTest {
  private static final int SIZE = 8;
  private static final long INDIRECT_TABLE = 0x8000;

  private final GuestMemory memory = new GuestMemory(new SparseRam(4 << 20));
  private final GuestView guest = new GuestView(memory);
  private final MockQueue driver = new MockQueue(guest, SIZE, 0x1000, 0x2000, 0x3000);
  private final DescriptorChain chain = new DescriptorChain(memory, SIZE);

  @AfterEach
  void close() {
    memory.close();
  }

  private static MockBuffer[] readable(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> MockBuffer.readable(0x10000 + 0x100L * i, 16))
        .toArray(MockBuffer[]::new);
  }

  private void load(int head) throws VirtqueueException {
    chain.load(0x1000, SIZE, head, true);
  }

  private void assertBroken(int head, String says) {
    assertThatThrownBy(() -> load(head))
        .isInstanceOf(VirtqueueException.class)
        .hasMessageContaining(says);
  }

  @Test
  void takesAsManyBuffersAsTheQueueHasDescriptors() throws Exception {
    driver.add(readable(SIZE));
    load(0);
    assertThat(chain.bufferCount()).isEqualTo(SIZE);
    assertThat(chain.ramOffset(SIZE - 1)).isEqualTo(0x10700);
  }

  @Test
  void followsAnIndirectTable() throws Exception {
    MockBuffer indirect =
        driver.indirect(
            INDIRECT_TABLE, MockBuffer.readable(0x10000, 3), MockBuffer.writable(0x20000, 5));
    int head = driver.add(indirect);
    load(head);
    assertThat(chain.bufferCount()).isEqualTo(2);
    assertThat(chain.readableBytes()).isEqualTo(3);
    assertThat(chain.writableBytes()).isEqualTo(5);
  }

  @Test
  void followsAnIndirectTableAfterDirectBuffers() throws Exception {
    MockBuffer indirect = driver.indirect(INDIRECT_TABLE, readable(2));
    // The write flag of a descriptor that refers to a table has no meaning (§2.7.5.3.2).
    MockBuffer flagged = new MockBuffer(indirect.address(), indirect.length(), 6);
    driver.add(MockBuffer.readable(0x20000, 1), flagged);
    load(0);
    assertThat(chain.bufferCount()).isEqualTo(3);
    assertThat(chain.readableCount()).isEqualTo(3);
    assertThat(chain.ramOffset(2)).isEqualTo(0x10100);
  }

  @Test
  void anIndirectTableMayHoldMoreEntriesThanTheChainUses() throws Exception {
    driver.indirect(INDIRECT_TABLE, readable(2));
    driver.add(new MockBuffer(INDIRECT_TABLE, 16L * 1000, MockBuffer.INDIRECT));
    load(0);
    assertThat(chain.bufferCount()).isEqualTo(2);
  }

  @Test
  void theLengthOfAChainIsBoundedWithItsIndirectPart() throws Exception {
    driver.add(driver.indirect(INDIRECT_TABLE, readable(SIZE)));
    load(0);
    assertThat(chain.bufferCount()).isEqualTo(SIZE);

    int head = driver.add(driver.indirect(INDIRECT_TABLE, readable(SIZE + 1)));
    assertBroken(head, "more than 8 descriptors");
    head = driver.add(readable(1)[0], driver.indirect(INDIRECT_TABLE, readable(SIZE)));
    assertBroken(head, "more than 8 descriptors");
  }

  @Test
  void aLoopEnds() {
    driver.descriptor(0, MockBuffer.readable(0x10000, 16), MockBuffer.NEXT, 1);
    driver.descriptor(1, MockBuffer.readable(0x10000, 16), MockBuffer.NEXT, 0);
    assertBroken(0, "loop");
    driver.descriptor(2, MockBuffer.readable(0x10000, 0), MockBuffer.NEXT, 2);
    assertBroken(2, "loop");
  }

  @Test
  void aLoopInAnIndirectTableEnds() {
    MockQueue table = new MockQueue(guest, SIZE, INDIRECT_TABLE, 0x2000, 0x3000);
    table.descriptor(0, MockBuffer.readable(0x10000, 16), MockBuffer.NEXT, 0);
    int head = driver.add(new MockBuffer(INDIRECT_TABLE, 16, MockBuffer.INDIRECT));
    assertBroken(head, "loop");
  }

  @ParameterizedTest
  @ValueSource(ints = {SIZE, 0x7fff, 0xffff})
  void indicesAreChecked(int index) {
    assertBroken(index, "descriptor index " + index);
    driver.descriptor(0, MockBuffer.readable(0x10000, 16), MockBuffer.NEXT, index);
    assertBroken(0, "descriptor index " + index);
    MockQueue table = new MockQueue(guest, SIZE, INDIRECT_TABLE, 0x2000, 0x3000);
    table.descriptor(0, MockBuffer.readable(0x10000, 16), MockBuffer.NEXT, 1);
    int head = driver.add(new MockBuffer(INDIRECT_TABLE, 16, MockBuffer.INDIRECT));
    assertBroken(head, "descriptor index 1 of 1");
  }

  @Test
  void indirectInIndirectIsRefused() {
    MockBuffer inner = driver.indirect(INDIRECT_TABLE + 0x1000, readable(1));
    assertBroken(driver.add(driver.indirect(INDIRECT_TABLE, inner)), "where none may be");
  }

  @Test
  void indirectWithNextIsRefused() {
    MockBuffer indirect = driver.indirect(INDIRECT_TABLE, readable(1));
    assertBroken(driver.add(indirect, readable(1)[0]), "has a next one");
  }

  @Test
  void indirectIsRefusedUnlessNegotiated() {
    int head = driver.add(driver.indirect(INDIRECT_TABLE, readable(1)));
    assertThatThrownBy(() -> chain.load(0x1000, SIZE, head, false))
        .isInstanceOf(VirtqueueException.class)
        .hasMessageContaining("where none may be");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 15, 17, 16 * 65537L, 0xffff_fff0L, 0xffff_ffffL})
  void indirectTablesOfOddLengthAreRefused(long length) {
    assertBroken(
        driver.add(new MockBuffer(INDIRECT_TABLE, length, MockBuffer.INDIRECT)),
        "indirect table of " + length);
  }

  @Test
  void indirectTablesOutsideRamAreRefused() {
    for (long address : new long[] {4 << 20, (4 << 20) - 16, -16, Long.MIN_VALUE}) {
      assertBroken(
          driver.add(new MockBuffer(address, 32, MockBuffer.INDIRECT)), "not in guest RAM");
    }
  }

  @Test
  void aReadableBufferAfterAWritableOneIsRefused() {
    assertBroken(
        driver.add(MockBuffer.writable(0x10000, 1), MockBuffer.readable(0x10000, 1)),
        "readable buffer after a writable");
  }

  @Test
  void buffersOutsideRamAreRefused() {
    long end = memory.size();
    MockBuffer[] outside = {
      MockBuffer.readable(end, 1),
      MockBuffer.readable(end - 1, 2),
      MockBuffer.readable(0, 0xffff_ffffL),
      MockBuffer.readable(-1, 2),
      MockBuffer.readable(-4096, 8192),
      MockBuffer.readable(Long.MAX_VALUE, 0xffff_ffffL),
      MockBuffer.writable(Long.MIN_VALUE, 1),
    };
    for (MockBuffer buffer : outside) {
      assertBroken(driver.add(buffer), "not in guest RAM");
    }
  }

  @Test
  void moreThanFourGibibytesInAllAreRefused() throws Exception {
    try (GuestMemory large = new GuestMemory(new SparseRam(3L << 30))) {
      MockQueue ring = new MockQueue(new GuestView(large), SIZE, 0x1000, 0x2000, 0x3000);
      DescriptorChain big = new DescriptorChain(large, SIZE);
      ring.add(MockBuffer.readable(0, 2L << 30), MockBuffer.writable(0, 2L << 30));
      big.load(0x1000, SIZE, 0, true);
      assertThat(big.readableBytes() + big.writableBytes()).isEqualTo(1L << 32);

      int head =
          ring.add(
              MockBuffer.readable(0, 2L << 30),
              MockBuffer.readable(0, 1),
              MockBuffer.writable(0, 2L << 30));
      assertThatThrownBy(() -> big.load(0x1000, SIZE, head, true))
          .isInstanceOf(VirtqueueException.class)
          .hasMessageContaining("2^32");
    }
  }

  @Test
  void aBufferAcrossTheHoleBelowFourGibibytesIsRefused() throws Exception {
    long low = AddressMap.MMIO_HOLE;
    long high = AddressMap.HIGH_RAM;
    try (GuestMemory large = new GuestMemory(new SparseRam(low + (4 << 20)))) {
      MockQueue ring = new MockQueue(new GuestView(large), SIZE, 0x1000, 0x2000, 0x3000);
      DescriptorChain both = new DescriptorChain(large, SIZE);
      ring.add(MockBuffer.readable(low - 16, 16), MockBuffer.readable(high, 16));
      both.load(0x1000, SIZE, 0, true);
      assertThat(both.ramOffset(0)).isEqualTo(low - 16);
      assertThat(both.ramOffset(1)).as("RAM goes on, addresses do not").isEqualTo(low);

      int head = ring.add(MockBuffer.readable(low - 16, 32));
      assertThatThrownBy(() -> both.load(0x1000, SIZE, head, true))
          .isInstanceOf(VirtqueueException.class)
          .hasMessageContaining("not in guest RAM");
      int indirect = ring.add(new MockBuffer(low - 16, 32, MockBuffer.INDIRECT));
      assertThatThrownBy(() -> both.load(0x1000, SIZE, indirect, true))
          .isInstanceOf(VirtqueueException.class)
          .hasMessageContaining("not in guest RAM");
    }
  }

  @Test
  void theDescriptorsAreCopiedOnce() throws Exception {
    driver.add(MockBuffer.readable(0x10000, 4), MockBuffer.readable(0x20000, 4));
    load(0);
    driver.descriptor(0, MockBuffer.readable(-1, 0xffff_ffffL), 0, 0);
    driver.descriptor(1, MockBuffer.readable(-1, 0xffff_ffffL), 0, 0);
    byte[] bytes = new byte[16];
    Arrays.fill(bytes, (byte) 1);
    assertThat(chain.reader().read(MemorySegment.ofArray(bytes))).isEqualTo(8);
    assertThat(bytes[7]).isZero();
    assertThat(bytes[8]).isEqualTo((byte) 1);
  }
}
