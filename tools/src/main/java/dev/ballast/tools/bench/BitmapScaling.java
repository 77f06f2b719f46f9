package dev.ballast.tools.bench;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The time of passes over bitmaps for guests larger than this host's memory: every page is added,
 * those in the balloon are taken out, the rest is counted. Bitmaps only, no guest; a migration does
 * less, since it takes uniform stretches at once.
 *
 * @param points by size of the guest, ascending
 */
public record BitmapScaling(List<Point> points) {
  private static final int REPEATS = 5;

  /** After these, the passes are compiled: the small sizes do not pay for it. */
  private static final int WARM_UPS = 40;

  private static final long BALLOONED_OF_TEN = 9;

  /** Keeps a copy of the points. */
  public BitmapScaling {
    points = List.copyOf(points);
  }

  /**
   * One size.
   *
   * @param guestBytes RAM of the guest
   * @param millis the time of the passes, the best of several
   */
  public record Point(long guestBytes, double millis) {}

  /** Measures from 1 GiB to 12 TiB: up to 768 MiB of bitmaps. */
  static BitmapScaling measure() {
    for (int i = 0; i < WARM_UPS; i++) {
      point(GuestPlan.GIB);
    }
    List<Point> points = new ArrayList<>();
    for (long size = GuestPlan.GIB; size < 8 * GuestPlan.TIB; size *= 4) {
      points.add(point(size));
    }
    points.add(point(12 * GuestPlan.TIB));
    return new BitmapScaling(points);
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
