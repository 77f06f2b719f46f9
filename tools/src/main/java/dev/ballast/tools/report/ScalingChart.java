package dev.ballast.tools.report;

import static dev.ballast.tools.report.Markup.number;

import dev.ballast.tools.bench.BitmapScaling;
import dev.ballast.tools.bench.BitmapScaling.Point;
import dev.ballast.tools.bench.Figures;
import java.util.List;
import java.util.Locale;

/** The time of passes over bitmaps by the size of the guest, both axes logarithmic. */
final class ScalingChart {
  private static final int WIDTH = 560;
  private static final int HEIGHT = 280;
  private static final int LEFT = 66;
  private static final int RIGHT = 24;
  private static final int TOP = 18;
  private static final int BOTTOM = 240;

  private ScalingChart() {}

  static String of(BitmapScaling scaling) {
    List<Point> points = scaling.points();
    double firstSize = log(points.getFirst().guestBytes());
    double lastSize = log(points.getLast().guestBytes());
    double low = points.stream().mapToDouble(Point::millis).min().orElse(1);
    double high = points.stream().mapToDouble(Point::millis).max().orElse(1);
    int lowPower = (int) Math.floor(Math.log10(low));
    int highPower = (int) Math.ceil(Math.log10(high));
    Axis x = new Axis(lastSize - firstSize, LEFT, WIDTH - RIGHT);
    Axis y = new Axis(Math.max(1, highPower - lowPower), BOTTOM, TOP);
    Svg svg =
        new Svg(
            WIDTH,
            HEIGHT,
            "scaling",
            "Time of the passes over bitmaps by size of the guest",
            String.format(
                Locale.ROOT,
                "From %s for %s to %s for %s; slope %.2f.",
                Figures.millis(points.getFirst().millis()),
                Figures.bytes(points.getFirst().guestBytes()),
                Figures.millis(points.getLast().millis()),
                Figures.bytes(points.getLast().guestBytes()),
                scaling.slope()));
    for (int power = lowPower; power <= highPower; power++) {
      double at = y.at(power - lowPower);
      svg.line("grid", LEFT, at, WIDTH - RIGHT, at);
      svg.text("tick", LEFT - 8, at + 3.5, Svg.Anchor.END, label(power));
    }
    StringBuilder path = new StringBuilder();
    for (Point point : points) {
      double px = x.at(log(point.guestBytes()) - firstSize);
      double py = y.at(Math.log10(point.millis()) - lowPower);
      path.append(path.isEmpty() ? "M" : "L").append(number(px)).append(' ').append(number(py));
      svg.text("tick", px, BOTTOM + 18, Svg.Anchor.MIDDLE, Figures.bytes(point.guestBytes()));
    }
    svg.path("line-ballast", path.toString());
    for (Point point : points) {
      double px = x.at(log(point.guestBytes()) - firstSize);
      double py = y.at(Math.log10(point.millis()) - lowPower);
      svg.circle("ballast", px, py, 3.5);
      // At the ends there is an axis or the edge on one side.
      boolean first = point.equals(points.getFirst());
      boolean last = point.equals(points.getLast());
      svg.text(
          "value",
          first ? px + 6 : last ? px - 4 : px,
          first ? py + 14 : py - 9,
          first ? Svg.Anchor.START : last ? Svg.Anchor.END : Svg.Anchor.MIDDLE,
          Figures.millis(point.millis()));
    }
    svg.text("tick", WIDTH - RIGHT, HEIGHT - 6, Svg.Anchor.END, "memory of the guest");
    return svg.end();
  }

  private static double log(long bytes) {
    return Math.log10((double) bytes);
  }

  private static String label(int power) {
    double millis = Math.pow(10, power);
    return millis < 1
        ? String.format(Locale.ROOT, "%.0f µs", millis * 1000)
        : Figures.millis(millis);
  }
}
