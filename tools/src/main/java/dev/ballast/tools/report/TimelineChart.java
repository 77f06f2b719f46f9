package dev.ballast.tools.report;

import static dev.ballast.tools.report.Markup.number;

import dev.ballast.tools.bench.Figures;
import dev.ballast.tools.bench.Measurement;
import dev.ballast.tools.bench.Measurement.Sample;
import dev.ballast.tools.bench.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One migration over time: throughput and dirty rate above, what was left to send below, a line
 * where a pass began, and the downtime at the end.
 */
final class TimelineChart {
  private static final int WIDTH = 560;
  private static final int HEIGHT = 330;
  private static final int LEFT = 58;
  private static final int RIGHT = 20;
  private static final int RATES_TOP = 22;
  private static final int RATES_BOTTOM = 150;
  private static final int LEFT_TOP = 186;
  private static final int LEFT_BOTTOM = 290;

  /** The window over which throughput is averaged: counters do not change between all samples. */
  private static final double WINDOW_MILLIS = 200;

  private final String id;
  private final String who;
  private final Measurement measurement;
  private final Axis time;

  /**
   * @param id unique in the page
   * @param who whose migration it is
   * @param measurement with a time line
   * @param spanMillis how much time the picture shows
   */
  TimelineChart(String id, String who, Measurement measurement, double spanMillis) {
    this.id = id;
    this.who = who;
    this.measurement = measurement;
    this.time = new Axis(spanMillis, LEFT, WIDTH - RIGHT);
  }

  String draw() {
    List<Sample> samples = measurement.timeline();
    int passes = samples.stream().mapToInt(Sample::pass).max().orElse(0);
    Svg svg =
        new Svg(
            WIDTH,
            HEIGHT,
            id,
            who + ": one migration over time",
            "%s: %d looks at the dirty log, %s in all, downtime %s."
                .formatted(
                    who,
                    passes,
                    Figures.millis(measurement.value(Metric.TIME)),
                    Figures.millis(measurement.value(Metric.DOWNTIME))));
    List<double[]> throughput = throughput(samples);
    List<double[]> dirty =
        samples.stream().map(s -> new double[] {s.millis(), s.dirtyBytesPerSecond()}).toList();
    List<double[]> remaining =
        samples.stream()
            .filter(s -> s.pass() > 0)
            .map(s -> new double[] {s.millis(), s.remainingBytes()})
            .toList();
    Axis rates = axis(List.of(throughput, dirty), RATES_TOP, RATES_BOTTOM);
    Axis bytes = axis(List.of(remaining), LEFT_TOP, LEFT_BOTTOM);
    downtime(svg);
    grid(svg, rates, RATES_TOP, who + ": throughput and dirty rate", "/s");
    grid(svg, bytes, LEFT_TOP, "left to send", "");
    passes(svg, samples);
    svg.path("area-ballast", area(throughput, rates));
    svg.path("line-ballast", polyline(throughput, rates));
    svg.path("line-dirty", polyline(dirty, rates));
    svg.path("line-left", polyline(remaining, bytes));
    timeAxis(svg);
    return svg.end();
  }

  private static Axis axis(List<List<double[]>> curves, int top, int bottom) {
    double most =
        curves.stream().flatMap(List::stream).mapToDouble(point -> point[1]).max().orElse(0);
    return new Axis(most > 0 ? most * 1.08 : 1, bottom, top);
  }

  private static void grid(Svg svg, Axis axis, int top, String title, String per) {
    svg.text("heading", LEFT, top - 8, Svg.Anchor.START, title);
    for (double tick : binaryTicks(axis)) {
      double y = axis.at(tick);
      svg.line("grid", LEFT, y, WIDTH - RIGHT, y);
      svg.text("tick", LEFT - 6, y + 3.5, Svg.Anchor.END, Figures.bytes(tick) + per);
    }
  }

  /** Round numbers of MiB or GiB. */
  private static List<Double> binaryTicks(Axis axis) {
    double unit = 1;
    while (axis.most() / unit >= 1024) {
      unit *= 1024;
    }
    double of = unit;
    return new Axis(axis.most() / of, axis.from(), axis.to())
        .ticks(3).stream().map(tick -> tick * of).toList();
  }

  private void timeAxis(Svg svg) {
    svg.line("base", LEFT, LEFT_BOTTOM, WIDTH - RIGHT, LEFT_BOTTOM);
    svg.line("base", LEFT, RATES_BOTTOM, WIDTH - RIGHT, RATES_BOTTOM);
    for (double tick : time.ticks(5)) {
      String label = String.format(Locale.ROOT, "%.1f s", tick / 1000);
      svg.text("tick", time.at(tick), LEFT_BOTTOM + 16, Svg.Anchor.MIDDLE, label);
    }
    svg.text("tick", WIDTH - RIGHT, HEIGHT - 6, Svg.Anchor.END, "time since the command");
  }

  private void downtime(Svg svg) {
    double end = time.at(measurement.value(Metric.TIME));
    double start =
        time.at(Math.max(0, measurement.value(Metric.TIME) - measurement.value(Metric.DOWNTIME)));
    double width = Math.max(2, end - start);
    svg.rect("downtime", start, RATES_TOP, width, RATES_BOTTOM - RATES_TOP, 0);
    svg.rect("downtime", start, LEFT_TOP, width, LEFT_BOTTOM - LEFT_TOP, 0);
    boolean roomLeft = start > (LEFT + WIDTH) / 2.0;
    svg.text(
        "value",
        roomLeft ? start - 5 : end + 5,
        LEFT_TOP + 12,
        roomLeft ? Svg.Anchor.END : Svg.Anchor.START,
        "downtime " + Figures.millis(measurement.value(Metric.DOWNTIME)));
  }

  private void passes(Svg svg, List<Sample> samples) {
    int before = samples.isEmpty() ? 0 : samples.getFirst().pass();
    for (Sample sample : samples) {
      if (sample.pass() > before && sample.millis() <= time.most()) {
        double x = time.at(sample.millis());
        svg.line("pass", x, RATES_TOP, x, RATES_BOTTOM);
        svg.line("pass", x, LEFT_TOP, x, LEFT_BOTTOM);
        before = sample.pass();
      }
    }
  }

  private static List<double[]> throughput(List<Sample> samples) {
    List<double[]> points = new ArrayList<>();
    int from = 0;
    for (Sample sample : samples) {
      while (sample.millis() - samples.get(from).millis() > WINDOW_MILLIS) {
        from++;
      }
      Sample before = samples.get(from);
      double millis = sample.millis() - before.millis();
      double bytes = sample.transferredBytes() - before.transferredBytes();
      points.add(
          new double[] {sample.millis(), millis > 0 ? Math.max(0, bytes / millis * 1000) : 0});
    }
    return points;
  }

  private String polyline(List<double[]> points, Axis axis) {
    StringBuilder data = new StringBuilder();
    for (double[] point : points) {
      data.append(data.isEmpty() ? "M" : "L")
          .append(number(time.at(point[0])))
          .append(' ')
          .append(number(axis.at(point[1])));
    }
    return data.toString();
  }

  private String area(List<double[]> points, Axis axis) {
    if (points.isEmpty()) {
      return "";
    }
    String bottom = number(axis.from());
    return polyline(points, axis)
        + "L%s %s L%s %s Z"
            .formatted(
                number(time.at(points.getLast()[0])),
                bottom,
                number(time.at(points.getFirst()[0])),
                bottom);
  }
}
