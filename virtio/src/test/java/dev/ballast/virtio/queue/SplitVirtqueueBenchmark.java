package dev.ballast.virtio.queue;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.ballast.virtio.mock.GuestView;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Taking one chain out of a queue and giving it back, with one publication for a whole queue of
 * them, beside the loads and stores alone that this takes, unchecked and on plain memory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@OperationsPerInvocation(SplitVirtqueueBenchmark.SIZE)
public class SplitVirtqueueBenchmark {
  static final int SIZE = 256;

  private static final long TABLE = 0x1_0000;
  private static final long AVAILABLE = 0x2_0000;
  private static final long USED = 0x3_0000;
  private static final long INDIRECT_TABLES = 0x4_0000;
  private static final long INDIRECT_STEP = 0x100;
  private static final long BUFFER = 0x10_0000;
  private static final int BUFFER_BYTES = 1024;
  private static final long OTHER_RINGS = 0x20_0000;

  private final GuestMemory memory = new GuestMemory(new SparseRam(8 << 20));
  private final GuestView view = new GuestView(memory);
  private final Ring direct = new Ring(0);
  private final Ring indirect = new Ring(OTHER_RINGS);
  private final Ring plain = new Ring(2 * OTHER_RINGS);
  private int plainUsed;

  /** Fills the rings: from then on the driver only moves its index on. */
  public SplitVirtqueueBenchmark() {
    for (int i = 0; i < SIZE; i++) {
      MockBuffer buffer = MockBuffer.readable(BUFFER + (long) i * BUFFER_BYTES, BUFFER_BYTES);
      direct.driver.add(buffer);
      plain.driver.add(buffer);
      indirect.driver.add(
          indirect.driver.indirect(INDIRECT_TABLES + i * INDIRECT_STEP, buffer, buffer));
    }
  }

  /** A queue in guest memory, all of whose descriptors are buffers. */
  private final class Ring {
    private final MockQueue driver;
    private final SplitVirtqueue device;

    Ring(long base) {
      driver = new MockQueue(view, SIZE, base + TABLE, base + AVAILABLE, base + USED);
      QueueState setup =
          new QueueState(SIZE, true, base + TABLE, base + AVAILABLE, base + USED, 0, 0);
      try {
        device = new SplitVirtqueue(memory, setup, SIZE, true, false);
      } catch (VirtqueueException e) {
        throw new IllegalArgumentException(e);
      }
    }

    /** The driver gives all of the queue again; the device takes all of it. */
    long takeAll() throws VirtqueueException {
      long bytes = 0;
      for (DescriptorChain chain = device.next(); chain != null; chain = device.next()) {
        bytes += chain.readableBytes();
        device.complete(chain.head(), 0);
      }
      device.publish();
      driver.setAvailableIndex(driver.availableIndex() + SIZE);
      return bytes;
    }
  }

  @Benchmark
  public long pop() throws VirtqueueException {
    return direct.takeAll();
  }

  @Benchmark
  public long popIndirect() throws VirtqueueException {
    return indirect.takeAll();
  }

  @Benchmark
  public long limitPlainMemory() {
    MemorySegment ram = memory.ram();
    long available = 2 * OTHER_RINGS + AVAILABLE;
    long used = 2 * OTHER_RINGS + USED;
    long bytes = 0;
    for (int i = 0; i < SIZE; i++) {
      int head = ram.get(JAVA_SHORT, available + 4 + 2L * i);
      long descriptor = 2 * OTHER_RINGS + TABLE + 16L * head;
      long address = ram.get(JAVA_LONG, descriptor);
      long lengthAndFlags = ram.get(JAVA_LONG, descriptor + 8);
      bytes += address == 0 ? 0 : (int) lengthAndFlags;
      ram.set(JAVA_INT, used + 4 + 8L * i, head);
      ram.set(JAVA_INT, used + 8 + 8L * i, 0);
    }
    plainUsed += SIZE;
    ram.set(JAVA_SHORT, used + 2, (short) plainUsed);
    plain.driver.setAvailableIndex(plain.driver.availableIndex() + SIZE);
    return bytes;
  }

  /** Unmaps the guest's memory. */
  @TearDown
  public void close() {
    memory.close();
  }
}
