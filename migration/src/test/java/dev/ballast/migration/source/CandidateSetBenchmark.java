package dev.ballast.migration.source;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * What the first pass over 1 TiB of guest, 90 % of it ballooned, costs in bitmaps: every page in
 * the dirty log, the balloon left out, what is left taken. Beside it the same arithmetic on plain
 * memory that no other thread uses.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class CandidateSetBenchmark {
  private static final long PAGES = (1L << 40) / RamBlock.PAGE_SIZE;
  private static final long BALLOONED = PAGES / 10 * 9;

  private final PageBitmap balloon = PageBitmap.allocate(PAGES);
  private final PageBitmap plain = PageBitmap.allocate(PAGES);

  private final CandidateSet set = new CandidateSet(new Block(), balloon);
  private final Span into = new Span(RamBlock.MIN_PROTECT_BYTES / RamBlock.PAGE_SIZE / Long.SIZE);

  /** A block of which all pages are dirty, and have memory where they are not in the balloon. */
  private static final class Block implements RamBlock {
    @Override
    public String name() {
      return RAM;
    }

    @Override
    public long size() {
      return PAGES * PAGE_SIZE;
    }

    @Override
    public MemorySegment memory() {
      return MemorySegment.NULL;
    }

    @Override
    public void startDirtyLog() {}

    @Override
    public void stopDirtyLog() {}

    @Override
    public void fetchDirtyLog(PageBitmap into) {
      into.setAll();
    }

    @Override
    public void discard(long firstPage, long pages) {}

    @Override
    public void addPopulated(long firstPage, long pages, PageBitmap into) {
      long first = Math.max(firstPage, BALLOONED);
      if (first < firstPage + pages) {
        into.set(first, firstPage + pages - first);
      }
    }
  }

  /** Fills the balloon. */
  public CandidateSetBenchmark() {
    balloon.set(0, BALLOONED);
  }

  @Benchmark
  public long pass() throws IOException {
    set.fetch();
    long candidates = set.refine(() -> {}).candidates();
    long left = 0;
    for (long span = set.nextSpan(0); span >= 0; span = set.nextSpan(span + 1)) {
      set.takeSpan(span, true, into);
      left += into.pages().cardinality();
    }
    return check(Math.min(left, candidates));
  }

  @Benchmark
  public long limitPlainWords() {
    MemorySegment excluded = balloon.memory();
    MemorySegment words = plain.memory();
    long bytes = PAGES / Byte.SIZE;
    for (long at = 0; at < bytes; at += Long.BYTES) {
      words.set(JAVA_LONG, at, -1);
    }
    for (long at = 0; at < bytes; at += Long.BYTES) {
      words.set(JAVA_LONG, at, words.get(JAVA_LONG, at) & ~excluded.get(JAVA_LONG, at));
    }
    long left = 0;
    for (long at = 0; at < bytes; at += Long.BYTES) {
      left += Long.bitCount(words.get(JAVA_LONG, at));
      words.set(JAVA_LONG, at, 0);
    }
    return check(left);
  }

  private static long check(long left) {
    if (left != PAGES - BALLOONED) {
      throw new IllegalStateException(left + " pages are left");
    }
    return left;
  }
}
