package dev.ballast.virtio.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.virtio.mock.GuestView;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Several chains of any layout in flight at once, read and written in turn and completed in any
 * order, beside {@link ModelChain}s over a copy of RAM; and chains that no driver should make.
 */
class ChainPropertyTest {
  private static final int SIZE = 16;
  private static final int ROUNDS = 400;
  private static final int HOSTILE_ROUNDS = 20_000;
  private static final int MOST_CHAINS = 4;
  private static final int DIRECT = SIZE / MOST_CHAINS;

  private static final int RAM = 2 << 20;
  private static final long TABLE = 0x1000;
  private static final long AVAILABLE = 0x2000;
  private static final long USED = 0x3000;
  private static final int INDIRECT_TABLES = 0x10000;
  private static final int INDIRECT_STEP = 0x1000;

  /** Buffers are from here on, and may overlap. */
  private static final int BUFFERS = 0x20000;

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);
  private final GuestMemory memory = new GuestMemory(new SparseRam(RAM));
  private final GuestView guest = new GuestView(memory);
  private final MockQueue driver = new MockQueue(guest, SIZE, TABLE, AVAILABLE, USED);
  private final ModelRam model = new ModelRam(RAM);
  private int round;

  @AfterEach
  void close() {
    memory.close();
  }

  private String where() {
    return "seed %d, round %d".formatted(seed, round);
  }

  /** A chain of the queue's and what it should be. */
  private record Pair(DescriptorChain chain, ModelChain model) {}

  @Test
  void readersAndWritersAgreeWithPlainArrays() throws Exception {
    byte[] content = new byte[RAM - BUFFERS];
    random.nextBytes(content);
    guestWrites(BUFFERS, content);
    SplitVirtqueue queue =
        new SplitVirtqueue(
            memory, new QueueState(SIZE, true, TABLE, AVAILABLE, USED, 0, 0), SIZE, true, false);
    for (round = 0; round < ROUNDS; round++) {
      memory.vmmDirty().clearAll();
      model.dirty().clear();
      List<Pair> pairs = makeAvailable();
      for (Pair pair : pairs) {
        assertThat(queue.next(pair.chain())).as(where()).isTrue();
      }
      scribbleOverDescriptors();
      for (Pair pair : pairs) {
        assertSame(pair);
      }
      for (int i = random.nextInt(40); i >= 0; i--) {
        use(pairs.get(random.nextInt(pairs.size())));
      }
      giveBack(queue, pairs);
      assertRamIsTheSame();
    }
  }

  private List<Pair> makeAvailable() {
    List<Integer> free = shuffledUpTo(SIZE);
    List<Pair> pairs = new ArrayList<>();
    int chains = 1 + random.nextInt(MOST_CHAINS);
    for (int i = 0; i < chains; i++) {
      List<Integer> own = free.subList(i * DIRECT, (i + 1) * DIRECT);
      List<MockBuffer> buffers = new ArrayList<>();
      int head = writeChain(own, INDIRECT_TABLES + i * INDIRECT_STEP, buffers);
      driver.makeAvailable(head);
      DescriptorChain chain = new DescriptorChain(memory, SIZE + random.nextInt(3));
      pairs.add(new Pair(chain, new ModelChain(head, model, buffers)));
    }
    return pairs;
  }

  /** Some descriptors of the queue's table, of which the last may be an indirect one. */
  private int writeChain(List<Integer> indices, int table, List<MockBuffer> buffers) {
    boolean indirect = random.nextBoolean();
    int direct = random.nextInt(indirect ? 0 : 1, DIRECT + (indirect ? 0 : 1));
    int inTable = indirect ? random.nextInt(1, SIZE - direct + 1) : 0;
    int readable = random.nextInt(direct + inTable + 1);
    for (int i = 0; i < direct + inTable; i++) {
      buffers.add(buffer(i < readable));
    }
    List<MockBuffer> inQueue = new ArrayList<>(buffers.subList(0, direct));
    if (indirect) {
      List<Integer> places = shuffledUpTo(inTable);
      places.remove(Integer.valueOf(0));
      places.addFirst(0);
      link(driver.withTable(table), places, buffers.subList(direct, direct + inTable));
      inQueue.add(new MockBuffer(table, 16L * inTable, MockBuffer.INDIRECT));
    }
    link(driver, indices, inQueue);
    return indices.getFirst();
  }

  private static void link(MockQueue table, List<Integer> places, List<MockBuffer> buffers) {
    for (int i = 0; i < buffers.size(); i++) {
      boolean last = i == buffers.size() - 1;
      table.descriptor(
          places.get(i),
          buffers.get(i),
          last ? 0 : MockBuffer.NEXT,
          last ? 0xffff : places.get(i + 1));
    }
  }

  private MockBuffer buffer(boolean readable) {
    int length =
        switch (random.nextInt(4)) {
          case 0 -> 0;
          case 1 -> 1;
          case 2 -> random.nextInt(20);
          default -> random.nextInt(9000);
        };
    long address = random.nextInt(BUFFERS, RAM - length + 1);
    return readable ? MockBuffer.readable(address, length) : MockBuffer.writable(address, length);
  }

  private List<Integer> shuffledUpTo(int end) {
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < end; i++) {
      all.add(i);
    }
    Collections.shuffle(all, random);
    return all;
  }

  private void scribbleOverDescriptors() {
    byte[] noise = new byte[INDIRECT_STEP];
    random.nextBytes(noise);
    guest.slice(TABLE, 16 * SIZE).copyFrom(MemorySegment.ofArray(noise).asSlice(0, 16 * SIZE));
    for (int i = 0; i < MOST_CHAINS; i++) {
      guest
          .slice(INDIRECT_TABLES + (long) i * INDIRECT_STEP, INDIRECT_STEP)
          .copyFrom(MemorySegment.ofArray(noise));
    }
  }

  private void use(Pair pair) {
    if (random.nextInt(8) == 0) {
      byte[] bytes = new byte[random.nextInt(64)];
      random.nextBytes(bytes);
      guestWrites(random.nextInt(BUFFERS, RAM - 64), bytes);
    }
    if (random.nextBoolean()) {
      read(pair.chain().reader(), pair.model());
    } else {
      write(pair.chain().writer(), pair.model());
    }
    assertSame(pair);
  }

  private void guestWrites(int address, byte[] bytes) {
    guest.slice(address, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    model.guestWrites(address, bytes);
  }

  private void read(ChainReader reader, ModelChain expected) {
    int count = count(reader);
    switch (random.nextInt(4)) {
      case 0 -> {
        byte[] into = new byte[count];
        long done = reader.read(MemorySegment.ofArray(into));
        byte[] bytes = expected.read(count);
        assertThat(done).as(where()).isEqualTo(bytes.length);
        assertThat(Arrays.copyOf(into, bytes.length)).as(where()).isEqualTo(bytes);
      }
      case 1 -> readNumber(reader, expected, 1 << random.nextInt(4));
      case 2 -> {
        reader.skip(count);
        expected.skipReadable(count);
      }
      default ->
          assertThat(pieces(reader, count)).as(where()).isEqualTo(expected.readablePieces(count));
    }
  }

  private void readNumber(ChainReader reader, ModelChain expected, int bytes) {
    boolean enough = reader.remaining() >= bytes;
    try {
      long value =
          switch (bytes) {
            case 1 -> reader.readU8();
            case 2 -> reader.readU16();
            case 4 -> reader.readU32();
            default -> reader.readU64();
          };
      assertThat(enough).as(where()).isTrue();
      assertThat(value).as(where()).isEqualTo(littleEndian(expected.read(bytes)));
    } catch (VirtqueueException _) {
      assertThat(enough).as(where()).isFalse();
    }
  }

  private static long littleEndian(byte[] bytes) {
    long value = 0;
    for (int i = bytes.length - 1; i >= 0; i--) {
      value = value << 8 | (bytes[i] & 0xff);
    }
    return value;
  }

  private void write(ChainWriter writer, ModelChain expected) {
    int count = count(writer);
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    switch (random.nextInt(4)) {
      case 0 ->
          assertThat(writer.write(MemorySegment.ofArray(bytes)))
              .as(where())
              .isEqualTo(expected.write(bytes));
      case 1 -> {
        byte value = (byte) random.nextInt();
        Arrays.fill(bytes, value);
        assertThat(writer.fill(value, count)).as(where()).isEqualTo(expected.write(bytes));
      }
      case 2 -> {
        writer.skip(count);
        expected.skipWritable(count);
      }
      default -> {
        assertThat(pieces(writer, count)).as(where()).isEqualTo(expected.writablePieces(count));
        int transferred = random.nextInt(count + 1);
        byte[] part = Arrays.copyOf(bytes, transferred);
        kernelWrites(writer, part);
        writer.markWritten(transferred);
        expected.write(part);
      }
    }
  }

  private void kernelWrites(ChainWriter writer, byte[] bytes) {
    int[] done = new int[1];
    writer.forEachPiece(
        bytes.length,
        (offset, length) -> {
          MemorySegment.copy(
              bytes, done[0], memory.ram(), ValueLayout.JAVA_BYTE, offset, (int) length);
          done[0] += (int) length;
        });
  }

  /** Often all of a buffer, sometimes more than there is. */
  private int count(ChainCursor cursor) {
    return random.nextBoolean()
        ? random.nextInt(10)
        : random.nextInt(Math.toIntExact(Math.min(20_000, cursor.remaining() + 10)));
  }

  private static List<String> pieces(ChainCursor cursor, long count) {
    List<String> pieces = new ArrayList<>();
    cursor.forEachPiece(count, (offset, length) -> pieces.add(offset + "+" + length));
    return pieces;
  }

  private void assertSame(Pair pair) {
    DescriptorChain chain = pair.chain();
    ModelChain expected = pair.model();
    assertThat(
            List.of(
                chain.readableBytes(),
                chain.writableBytes(),
                chain.reader().position(),
                chain.reader().remaining(),
                chain.writer().position(),
                chain.writer().remaining(),
                chain.writer().written()))
        .as(where())
        .isEqualTo(expected.positions());
  }

  private void giveBack(SplitVirtqueue queue, List<Pair> pairs) {
    int before = driver.usedIndex();
    Collections.shuffle(pairs, random);
    for (Pair pair : pairs) {
      queue.complete(pair.chain().head(), pair.chain().writer().written());
    }
    queue.publish();
    for (int i = 0; i < pairs.size(); i++) {
      ModelChain expected = pairs.get(i).model();
      assertThat(driver.usedHead(before + i)).as(where()).isEqualTo(expected.head());
      assertThat(driver.usedLength(before + i)).as(where()).isEqualTo(expected.written());
    }
    assertThat(driver.usedIndex()).isEqualTo((before + pairs.size()) & 0xffff);
  }

  private void assertRamIsTheSame() {
    MemorySegment buffers = memory.ram().asSlice(BUFFERS);
    assertThat(buffers.mismatch(model.segment().asSlice(BUFFERS))).as(where()).isEqualTo(-1);
    for (int page = BUFFERS / 4096; page < RAM / 4096; page++) {
      assertThat(memory.vmmDirty().get(page))
          .as("%s, page %d", where(), page)
          .isEqualTo(model.dirty().get(page));
    }
  }

  @Test
  void whateverTheDescriptorsSayAChainIsGuestRamOrAFault() throws Exception {
    DescriptorChain chain = new DescriptorChain(memory, SIZE);
    int good = 0;
    for (round = 0; round < HOSTILE_ROUNDS; round++) {
      for (int i = 0; i < SIZE; i++) {
        hostileDescriptor(driver, i);
        hostileDescriptor(driver.withTable(INDIRECT_TABLES), i);
      }
      int head = random.nextInt(SIZE + 1);
      try {
        chain.load(TABLE, SIZE, head, random.nextInt(4) != 0);
        assertBounded(chain);
        good++;
      } catch (VirtqueueException e) {
        assertThat(e).as(where()).hasMessageContaining("descriptor chain " + head);
      }
    }
    assertThat(good).as("chains that were taken").isBetween(100, HOSTILE_ROUNDS - 100);
  }

  private void hostileDescriptor(MockQueue table, int index) {
    long address =
        switch (random.nextInt(12)) {
          case 0 -> random.nextLong();
          case 1 -> RAM - random.nextInt(3);
          case 2 -> -random.nextInt(5000);
          case 3, 4, 5 -> INDIRECT_TABLES;
          default -> random.nextInt(RAM);
        };
    long length =
        switch (random.nextInt(8)) {
          case 0 -> random.nextInt() & 0xffff_ffffL;
          case 1 -> 0xffff_ffffL;
          case 2 -> 0;
          case 3, 4 -> 16L * random.nextInt(SIZE + 2);
          default -> random.nextInt(5000);
        };
    int flags = random.nextInt(20) == 0 ? random.nextInt(1 << 16) : random.nextInt(2);
    flags |= random.nextInt(5) == 0 ? MockBuffer.INDIRECT : 0;
    flags |= index >= SIZE / 2 ? MockBuffer.WRITE : 0;
    int next = random.nextInt(20) == 0 ? random.nextInt(1 << 16) : random.nextInt(SIZE);
    table.descriptor(index, new MockBuffer(address, length, flags), 0, next);
  }

  private void assertBounded(DescriptorChain chain) {
    assertThat(chain.bufferCount()).as(where()).isBetween(1, SIZE);
    assertThat(chain.readableBytes() + chain.writableBytes()).as(where()).isBetween(0L, 1L << 32);
    assertBounded(chain.reader(), chain.readableBytes());
    assertBounded(chain.writer(), chain.writableBytes());
  }

  private void assertBounded(ChainCursor cursor, long bytes) {
    long[] sum = new long[1];
    long handedOut =
        cursor.forEachPiece(
            Long.MAX_VALUE,
            (offset, length) -> {
              assertThat(offset).as(where()).isBetween(0L, RAM - length);
              assertThat(length).as(where()).isPositive();
              sum[0] += length;
            });
    assertThat(handedOut).as(where()).isEqualTo(bytes);
    assertThat(sum[0]).as(where()).isEqualTo(bytes);
    cursor.skip(Long.MAX_VALUE);
    assertThat(cursor.position()).as(where()).isEqualTo(bytes);
    assertThat(cursor.remaining()).as(where()).isZero();
  }
}
