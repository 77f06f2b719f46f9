package dev.ballast.vmm.memory;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * Passes over the bitmap of 1 TiB of guest, in bytes of bitmap, beside a plain loop over the same
 * memory and beside the sum of an array, which the compiler vectorises: what memory can deliver.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@OperationsPerInvocation(PageBitmapBenchmark.BYTES)
public class PageBitmapBenchmark {
  static final int BYTES = 32 << 20;

  private static final long PAGES = (long) BYTES * Byte.SIZE;
  private static final long RUN_EVERY = 1 << 16;
  private static final long RUN = 512;

  private final PageBitmap empty = PageBitmap.allocate(PAGES);
  private final PageBitmap drained = PageBitmap.allocate(PAGES);
  private final PageBitmap withRuns = PageBitmap.allocate(PAGES);
  private final long[] array = new long[BYTES / Long.BYTES];

  /** Sees to it that the bitmaps have memory, and not the kernel's one page of zeros. */
  public PageBitmapBenchmark() {
    empty.setAll();
    empty.clearAll();
    drained.setAll();
    drained.clearAll();
    withRuns.setAll();
    withRuns.clearAll();
    for (long page = 0; page < PAGES; page += RUN_EVERY) {
      withRuns.set(page + RUN / 2, RUN);
    }
  }

  @Benchmark
  public long nextSet() {
    return empty.nextSet(0);
  }

  @Benchmark
  public long cardinality() {
    return empty.cardinality();
  }

  @Benchmark
  public long forEachRun() {
    long[] pages = new long[1];
    withRuns.forEachRun((first, count) -> pages[0] += count);
    return pages[0];
  }

  @Benchmark
  public PageBitmap drainTo() {
    empty.drainTo(drained);
    return drained;
  }

  @Benchmark
  public long peerLongLoop() {
    MemorySegment words = empty.memory();
    long any = 0;
    for (long offset = 0; offset < BYTES; offset += Long.BYTES) {
      any |= words.get(JAVA_LONG, offset);
    }
    return any;
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
