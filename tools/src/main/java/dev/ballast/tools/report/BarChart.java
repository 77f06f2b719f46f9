package dev.ballast.tools.report;

import dev.ballast.tools.bench.BenchReport;
import dev.ballast.tools.bench.Figures;
import dev.ballast.tools.bench.Metric;
import dev.ballast.tools.bench.ScenarioResult;
import dev.ballast.tools.bench.Side;
import dev.ballast.tools.bench.Statistics;
import java.util.ArrayList;
import java.util.List;

/**
 * One figure of all scenarios: a pair of bars each, as long as their medians, with a line from the
 * smallest to the largest value. Each pair has a scale of its own, for scenarios differ a
 * thousandfold.
 */
final class BarChart {
  private static final int WIDTH = 560;
  private static final int LEFT = 168;
  private static final int RIGHT = 96;
  private static final int BAR = 11;
  private static final int GAP = 3;
  private static final int GROUP = 2 * BAR + GAP + 18;
  private static final int TOP = 6;

  private BarChart() {}

  static String of(BenchReport report, Metric metric, String title) {
    List<String> words = new ArrayList<>();
    report.results().forEach(result -> words.add(inWords(result, metric)));
    int height = TOP + report.results().size() * GROUP;
    Svg svg = new Svg(WIDTH, height, "bars-" + metric.label(), title, String.join(" ", words));
    int y = TOP;
    for (ScenarioResult result : report.results()) {
      group(svg, y, result, metric);
      y += GROUP;
    }
    return svg.end();
  }

  private static void group(Svg svg, int y, ScenarioResult result, Metric metric) {
    Statistics ballast = result.ballast().statistics(metric);
    double most = finite(ballast.max());
    if (result.peer().isPresent()) {
      most = Math.max(most, finite(result.peer().get().statistics(metric).max()));
    }
    Axis axis = new Axis(most > 0 ? most : 1, LEFT, WIDTH - RIGHT);
    svg.text("name", LEFT - 10, y + BAR + GAP + 3, Svg.Anchor.END, result.scenario().name());
    svg.line("base", LEFT, y - 2, LEFT, y + 2 * BAR + GAP + 2);
    bar(svg, "ballast", y, axis, ballast, metric);
    result
        .peer()
        .ifPresent(side -> bar(svg, "peer", y + BAR + GAP, axis, side.statistics(metric), metric));
  }

  private static void bar(
      Svg svg, String style, int y, Axis axis, Statistics statistics, Metric metric) {
    String label = Figures.of(statistics.median(), metric);
    if (Double.isInfinite(statistics.median())) {
      svg.text("value", LEFT + 6, y + BAR - 2, Svg.Anchor.START, "did not converge");
      return;
    }
    double end = axis.at(statistics.median());
    svg.rect(style, LEFT, y, Math.max(1.5, end - LEFT), BAR, 2);
    double right = end;
    if (statistics.count() > 1 && Double.isFinite(statistics.max())) {
      double middle = y + BAR / 2.0;
      svg.line("range", axis.at(statistics.min()), middle, axis.at(statistics.max()), middle);
      right = Math.max(end, axis.at(statistics.max()));
    }
    svg.text("value", right + 6, y + BAR - 2, Svg.Anchor.START, label);
  }

  private static double finite(double value) {
    return Double.isFinite(value) ? value : 0;
  }

  private static String inWords(ScenarioResult result, Metric metric) {
    String words = result.scenario().name() + ": " + inWords(result.ballast(), metric);
    return words + result.peer().map(side -> ", " + inWords(side, metric)).orElse("") + ".";
  }

  private static String inWords(Side side, Metric metric) {
    return side.name() + " " + Figures.of(side.statistics(metric).median(), metric);
  }
}
