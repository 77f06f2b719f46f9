package dev.ballast.tools.bench;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * What passes over bitmaps cost for guests that no host here could hold: every page is added, those
 * in the balloon are taken out, the rest is counted. Bitmaps only, no guest; a migration does less,
 * since it takes uniform stretches at once.
 *
 * @param points by size of the guest, ascending
 */
public record BitmapScaling(List<Point> points) {
  private static final int REPEATS = 5;
  private static final long WARM_UP_PAGES = 1 << 18;
  private static final int WARM_UP_PASSES = 200;
  private static final long BALLOONED_OF_TEN = 9;

  /** Keeps a copy of the points. */
  public BitmapScaling {
    points = List.copyOf(points);
  }

  /**
   * One size.
   *
   * @param guestBytes RAM of the guest
   * @param millis what the passes took, the best of some
   */
  public record Point(long guestBytes, double millis) {}

  /** Measures from 1 GiB to 12 TiB: up to 768 MiB of bitmaps. */
  static BitmapScaling measure() {
    LongStream sizes =
        LongStream.concat(
            LongStream.iterate(GuestPlan.GIB, size -> size < 8 * GuestPlan.TIB, size -> size * 4),
            LongStream.of(12 * GuestPlan.TIB));
    List<Point> points = new ArrayList<>();
    warmUp();
    sizes.forEach(size -> points.add(point(size)));
    return new BitmapScaling(points);
  }

  /** Has the passes compiled, so that the small sizes are not those that pay for it. */
  private static void warmUp() {
    PageBitmap candidates = PageBitmap.allocate(WARM_UP_PAGES);
    PageBitmap ballooned = PageBitmap.allocate(WARM_UP_PAGES);
    for (int i = 0; i < WARM_UP_PASSES; i++) {
      pass(candidates, ballooned);
    }
  }

  private static Point point(long guestBytes) {
    long pages = guestBytes / RamBlock.PAGE_SIZE;
    PageBitmap ballooned = PageBitmap.allocate(pages);
    ballooned.set(0, pages / 10 * BALLOONED_OF_TEN);
    PageBitmap candidates = PageBitmap.allocate(pages);
    double best = Double.POSITIVE_INFINITY;
    for (int i = 0; i < REPEATS; i++) {
      best = Math.min(best, pass(candidates, ballooned));
    }
    return new Point(guestBytes, best);
  }

  private static double pass(PageBitmap candidates, PageBitmap ballooned) {
    long started = System.nanoTime();
    candidates.setAll();
    candidates.andNot(ballooned);
    long left = candidates.cardinality();
    double millis = (System.nanoTime() - started) / 1e6;
    if (left + ballooned.cardinality() != candidates.size()) {
      throw new IllegalStateException(left + " pages are left of " + candidates.size());
    }
    return millis;
  }

  /**
   * Returns the slope of the logarithm of the time over that of the size, by least squares: 1 is a
   * cost that grows as the guest does.
   */
  public double slope() {
    double[] x = points.stream().mapToDouble(p -> Math.log((double) p.guestBytes)).toArray();
    double[] y = points.stream().mapToDouble(p -> Math.log(p.millis)).toArray();
    double meanX = Arrays.stream(x).average().orElseThrow();
    double meanY = Arrays.stream(y).average().orElseThrow();
    double above = 0;
    double below = 0;
    for (int i = 0; i < x.length; i++) {
      above += (x[i] - meanX) * (y[i] - meanY);
      below += (x[i] - meanX) * (x[i] - meanX);
    }
    return above / below;
  }
}
