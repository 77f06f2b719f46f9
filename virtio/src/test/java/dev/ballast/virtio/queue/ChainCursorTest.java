package dev.ballast.virtio.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.Allocation;
import dev.ballast.virtio.mock.GuestView;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A reader and a writer over the buffers of one chain. */
class ChainCursorTest {
  private static final int SIZE = 8;
  private static final long TABLE = 0x1000;

  private final GuestMemory memory = new GuestMemory(new SparseRam(4 << 20));
  private final GuestView guest = new GuestView(memory);
  private final MockQueue driver = new MockQueue(guest, SIZE, TABLE, 0x2000, 0x3000);
  private final DescriptorChain chain = new DescriptorChain(memory, SIZE);

  @AfterEach
  void close() {
    memory.close();
  }

  private void load(MockBuffer... buffers) throws VirtqueueException {
    chain.load(TABLE, SIZE, driver.add(buffers), true);
  }

  /** Bytes from {@code first} on, one more each. */
  private void put(long address, int first, int count) {
    for (int i = 0; i < count; i++) {
      guest.slice(address + i, 1).set(ValueLayout.JAVA_BYTE, 0, (byte) (first + i));
    }
  }

  private byte[] get(long address, int count) {
    return guest.slice(address, count).toArray(ValueLayout.JAVA_BYTE);
  }

  private static MemorySegment bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return MemorySegment.ofArray(bytes);
  }

  private static List<String> pieces(ChainCursor cursor, long count) {
    List<String> pieces = new ArrayList<>();
    cursor.forEachPiece(
        count, (offset, length) -> pieces.add(Long.toHexString(offset) + "+" + length));
    return pieces;
  }

  @Test
  void readsAcrossBuffersAsIfTheyWereOne() throws Exception {
    put(0x10000, 0, 10);
    put(0x20000, 10, 10);
    load(
        MockBuffer.readable(0x10000, 10),
        MockBuffer.readable(0x30000, 0),
        MockBuffer.readable(0x20000, 5),
        MockBuffer.writable(0x20000, 5));
    ChainReader reader = chain.reader();
    byte[] bytes = new byte[7];
    MemorySegment into = MemorySegment.ofArray(bytes);
    assertThat(reader.read(into)).isEqualTo(7);
    assertThat(bytes).containsExactly(0, 1, 2, 3, 4, 5, 6);
    assertThat(reader.read(into)).isEqualTo(7);
    assertThat(bytes).containsExactly(7, 8, 9, 10, 11, 12, 13);
    assertThat(reader.remaining()).isEqualTo(1);
    assertThat(reader.read(into)).isEqualTo(1);
    assertThat(bytes[0]).isEqualTo((byte) 14);
    assertThat(reader.read(into)).isZero();
    assertThat(reader.position()).isEqualTo(15);
  }

  @Test
  void skipsAsItReads() throws Exception {
    put(0x10000, 0, 12);
    for (int skipped = 0; skipped <= 14; skipped++) {
      load(
          MockBuffer.readable(0x10000, 5),
          MockBuffer.readable(0x30000, 0),
          MockBuffer.readable(0x10005, 7));
      ChainReader reader = chain.reader();
      reader.skip(skipped / 2);
      reader.skip(skipped - skipped / 2);
      byte[] bytes = new byte[16];
      int left = Math.max(0, 12 - skipped);
      assertThat(reader.remaining()).isEqualTo(left);
      assertThat(reader.read(MemorySegment.ofArray(bytes))).isEqualTo(left);
      for (int i = 0; i < left; i++) {
        assertThat(bytes[i]).isEqualTo((byte) (skipped + i));
      }
    }
  }

  @Test
  void numbersMayBeCutAnywhere() throws Exception {
    put(0x10000, 0xf0, 16);
    for (int cut = 0; cut <= 16; cut++) {
      load(MockBuffer.readable(0x10000, cut), MockBuffer.readable(0x10000 + cut, 16 - cut));
      ChainReader reader = chain.reader();
      assertThat(reader.readU8()).isEqualTo(0xf0);
      assertThat(reader.readU16()).isEqualTo(0xf2f1);
      assertThat(reader.readU32()).isEqualTo(0xf6f5_f4f3L);
      assertThat(reader.readU64()).isEqualTo(0xfefd_fcfb_faf9_f8f7L);
      assertThat(reader.remaining()).isEqualTo(1);
    }
  }

  @Test
  void aMessageThatEndsInTheMiddleOfANumberIsTheDriversFault() throws Exception {
    put(0x10000, 1, 3);
    load(MockBuffer.readable(0x10000, 3), MockBuffer.writable(0x20000, 8));
    ChainReader reader = chain.reader();
    assertThatThrownBy(reader::readU32)
        .isInstanceOf(VirtqueueException.class)
        .hasMessage("descriptor chain 0: 3 readable bytes, 4 expected");
    assertThat(reader.readU16()).as("nothing was passed").isEqualTo(0x0201);
    assertThatThrownBy(reader::readU64)
        .isInstanceOf(VirtqueueException.class)
        .hasMessage("descriptor chain 0: 3 readable bytes, 10 expected");
    assertThat(reader.readU8()).isEqualTo(3);
    assertThatThrownBy(reader::readU8).isInstanceOf(VirtqueueException.class);
  }

  @Test
  void writesAcrossBuffersAndNotBeyond() throws Exception {
    load(
        MockBuffer.readable(0x10000, 3),
        MockBuffer.writable(0x20000, 2),
        MockBuffer.writable(0x30000, 0),
        MockBuffer.writable(0x40000, 4));
    memory.vmmDirty().clearAll();
    ChainWriter writer = chain.writer();
    assertThat(writer.write(bytes(1, 2, 3))).isEqualTo(3);
    assertThat(writer.written()).isEqualTo(3);
    assertThat(writer.remaining()).isEqualTo(3);
    assertThat(writer.fill((byte) 9, 2)).isEqualTo(2);
    assertThat(writer.write(bytes(4, 5))).isEqualTo(1);
    assertThat(writer.fill((byte) 9, 1)).isZero();
    assertThat(writer.written()).isEqualTo(6);
    assertThat(get(0x20000, 3)).containsExactly(1, 2, 0);
    assertThat(get(0x40000, 5)).containsExactly(3, 9, 9, 4, 0);
    assertThat(get(0x10000, 3)).containsExactly(0, 0, 0);
    assertThat(memory.vmmDirty().cardinality()).isEqualTo(2);
    assertThat(memory.vmmDirty().get(0x20)).isTrue();
    assertThat(memory.vmmDirty().get(0x40)).isTrue();
  }

  @Test
  void whatComesAfterSkippedBytesDoesNotCountAsWritten() throws Exception {
    load(MockBuffer.writable(0x20000, 16));
    ChainWriter writer = chain.writer();
    writer.write(bytes(1, 2));
    writer.skip(10);
    assertThat(writer.fill((byte) 7, 1)).isEqualTo(1);
    assertThat(writer.written()).isEqualTo(2);
    assertThat(writer.position()).isEqualTo(13);
    assertThat(get(0x2000c, 1)).containsExactly(7);
  }

  @Test
  void handsPiecesOutWithoutPassingThem() throws Exception {
    load(
        MockBuffer.readable(0x10000, 16),
        MockBuffer.readable(0x30000, 0),
        MockBuffer.readable(0x20000, 100),
        MockBuffer.writable(0x40000, 5),
        MockBuffer.writable(0x50000, 1));
    ChainReader reader = chain.reader();
    reader.skip(4);
    assertThat(pieces(reader, 20)).containsExactly("10004+12", "20000+8");
    assertThat(pieces(reader, Long.MAX_VALUE)).containsExactly("10004+12", "20000+100");
    assertThat(reader.position()).isEqualTo(4);
    reader.skip(12);
    assertThat(pieces(reader, 1)).containsExactly("20000+1");
    assertThat(pieces(reader, 0)).isEmpty();
    assertThat(pieces(reader, -1)).isEmpty();
    reader.skip(100);
    assertThat(pieces(reader, 1)).isEmpty();

    assertThat(pieces(chain.writer(), 5)).containsExactly("40000+5");
    assertThat(pieces(chain.writer(), 6)).containsExactly("40000+5", "50000+1");
    assertThat(chain.writer().forEachPiece(7, (offset, length) -> {})).isEqualTo(6);
  }

  @Test
  void aConsumerMayFail() throws Exception {
    load(MockBuffer.readable(0x10000, 16));
    assertThatThrownBy(
            () ->
                chain
                    .reader()
                    .forEachPiece(
                        16,
                        (offset, length) -> {
                          throw new IOException("full");
                        }))
        .isInstanceOf(IOException.class);
    assertThat(chain.reader().remaining()).isEqualTo(16);
  }

  @Test
  void aTransferOfTheKernelIsMarkedWhenItIsOver() throws Exception {
    load(MockBuffer.writable(0x20ff0, 0x1020), MockBuffer.writable(0x40000, 1));
    memory.vmmDirty().clearAll();
    ChainWriter writer = chain.writer();
    assertThat(pieces(writer, writer.remaining() - 1)).containsExactly("20ff0+4128");
    assertThat(memory.vmmDirty().cardinality()).as("before").isZero();
    assertThat(writer.written()).isZero();

    writer.markWritten(writer.remaining() - 1);
    writer.fill((byte) 0, 1);

    assertThat(writer.written()).isEqualTo(0x1021);
    assertThat(memory.vmmDirty().cardinality(0x20, 3)).isEqualTo(3);
    assertThat(memory.vmmDirty().get(0x40)).isTrue();
    assertThat(memory.vmmDirty().cardinality()).isEqualTo(4);
    writer.markWritten(100);
    assertThat(writer.written()).isEqualTo(0x1021);
  }

  @Test
  void aBrokenChainLeavesNothingOfTheOneBefore() throws Exception {
    put(0x10000, 1, 16);
    load(MockBuffer.readable(0x10000, 16), MockBuffer.writable(0x20000, 16));
    chain.reader().readU8();
    chain.writer().fill((byte) 1, 2);
    assertThatThrownBy(() -> load(MockBuffer.readable(-1, 16), MockBuffer.writable(0x20000, 16)))
        .isInstanceOf(VirtqueueException.class);
    assertThat(chain.reader().remaining()).isZero();
    assertThat(chain.writer().remaining()).isZero();
    assertThat(chain.writer().written()).isZero();
  }

  @Test
  void positionsHaveMoreThan32Bits() throws Exception {
    long half = 2L << 30;
    try (GuestMemory large = new GuestMemory(new SparseRam(half))) {
      MockQueue ring = new MockQueue(new GuestView(large), SIZE, TABLE, 0x2000, 0x3000);
      DescriptorChain big = new DescriptorChain(large, SIZE);
      int head = ring.add(MockBuffer.readable(0, half), MockBuffer.readable(0, half));
      big.load(TABLE, SIZE, head, true);
      big.reader().skip(half + half - 1);
      assertThat(big.reader().position()).isEqualTo(0xffff_ffffL);
      assertThat(big.reader().read(bytes(0, 0))).isEqualTo(1);
      assertThat(big.reader().position()).isEqualTo(1L << 32);
    }
  }

  /** As a device does that works on several requests at once. */
  @Test
  void requestsLeaveNoGarbage() throws Exception {
    SplitVirtqueue queue =
        new SplitVirtqueue(
            memory, new QueueState(SIZE, true, TABLE, 0x2000, 0x3000, 0, 0), SIZE, true, true);
    MockBuffer[] buffers = {
      MockBuffer.readable(0x10000, 16),
      MockBuffer.writable(0x20000, 4096),
      MockBuffer.writable(0x30000, 1)
    };
    for (int i = 0; i < SIZE; i++) {
      driver.add(driver.indirect(0x8000 + 0x100L * i, buffers));
    }
    driver.setAvailableIndex(0);
    DescriptorChain[] chains = new DescriptorChain[SIZE];
    for (int i = 0; i < SIZE; i++) {
      chains[i] = new DescriptorChain(memory, SIZE);
    }
    MemorySegment header = Arena.ofAuto().allocate(8);
    MemorySegment iovecs = Arena.ofAuto().allocate(2L * Long.BYTES);
    ChainCursor.PieceConsumer<RuntimeException> iovec =
        (offset, length) -> {
          iovecs.set(ValueLayout.JAVA_LONG, 0, offset);
          iovecs.set(ValueLayout.JAVA_LONG, 8, length);
        };
    Allocation.assertNone(
        1000,
        () -> {
          driver.setAvailableIndex(driver.availableIndex() + SIZE);
          for (DescriptorChain each : chains) {
            if (!queue.next(each)) {
              throw new AssertionError("no chain");
            }
            each.reader().readU64();
            each.reader().read(header);
            each.writer().forEachPiece(4096, iovec);
          }
          for (int i = SIZE - 1; i >= 0; i--) {
            ChainWriter writer = chains[i].writer();
            writer.markWritten(4000);
            writer.write(header);
            writer.fill((byte) 0, writer.remaining());
            queue.complete(chains[i].head(), writer.written());
          }
          queue.publish();
        });
    assertThat(driver.usedLength(0)).isEqualTo(4097);
  }
}
