package dev.ballast.migration.protocol;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.memory.ZeroPages;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * The zero test of pages that are zero, each 4 KiB read to its end, beside other ways to write it,
 * and beside the sum of an array, which the compiler vectorises: what memory can deliver. The guest
 * is larger than the caches.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@OperationsPerInvocation(ZeroPagesBenchmark.BYTES)
public class ZeroPagesBenchmark {
  static final int BYTES = 64 << 20;

  private static final int PAGE = RamBlock.PAGE_SIZE;
  private static final VectorSpecies<Long> SPECIES = LongVector.SPECIES_PREFERRED;

  private final MemorySegment memory = Arena.ofAuto().allocate(BYTES, PAGE);
  private final long[] array = new long[BYTES / Long.BYTES];

  /** Sees to it that the pages have memory, and not the kernel's one page of zeros. */
  public ZeroPagesBenchmark() {
    memory.fill((byte) 1).fill((byte) 0);
  }

  /** Returns whether a page is zero. */
  @FunctionalInterface
  private interface ZeroTest {
    boolean isZero(MemorySegment memory, long offset);
  }

  private long count(ZeroTest test) {
    long zeros = 0;
    for (long offset = 0; offset < BYTES; offset += PAGE) {
      if (test.isZero(memory, offset)) {
        zeros++;
      }
    }
    if (zeros != BYTES / PAGE) {
      throw new IllegalStateException("zero pages were not found");
    }
    return zeros;
  }

  @Benchmark
  public long isZero() {
    return count(ZeroPages::isZero);
  }

  @Benchmark
  public long peerLongLoop() {
    return count(
        (pages, offset) -> {
          for (long at = offset; at < offset + PAGE; at += Long.BYTES) {
            if (pages.get(JAVA_LONG, at) != 0) {
              return false;
            }
          }
          return true;
        });
  }

  @Benchmark
  public long peerLongsByFour() {
    return count(
        (pages, offset) -> {
          for (long at = offset; at < offset + PAGE; at += 4 * Long.BYTES) {
            long any =
                pages.get(JAVA_LONG, at)
                    | pages.get(JAVA_LONG, at + 8)
                    | pages.get(JAVA_LONG, at + 16)
                    | pages.get(JAVA_LONG, at + 24);
            if (any != 0) {
              return false;
            }
          }
          return true;
        });
  }

  @Benchmark
  public long peerVectorApi() {
    return count(
        (pages, offset) -> {
          int step = SPECIES.vectorByteSize();
          for (long at = offset; at < offset + PAGE; at += 2L * step) {
            LongVector any =
                LongVector.fromMemorySegment(SPECIES, pages, at, ByteOrder.nativeOrder())
                    .or(
                        LongVector.fromMemorySegment(
                            SPECIES, pages, at + step, ByteOrder.nativeOrder()));
            if (any.compare(VectorOperators.NE, 0).anyTrue()) {
              return false;
            }
          }
          return true;
        });
  }

  @Benchmark
  public long limitArraySum() {
    long sum = 0;
    for (long word : array) {
      sum += word;
    }
    return sum;
  }
}
