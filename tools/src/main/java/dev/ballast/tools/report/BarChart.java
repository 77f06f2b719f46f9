package dev.ballast.tools.report;

import dev.ballast.tools.bench.Figures;
import dev.ballast.tools.bench.Metric;
import dev.ballast.tools.bench.Row;
import dev.ballast.tools.bench.Statistics;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Pairs of bars, as long as the medians, each with a line from the smallest to the largest value.
 * Each pair has a scale of its own, for scenarios differ a thousandfold.
 */
final class BarChart {
  private static final int WIDTH = 560;
  private static final int LEFT = 168;
  private static final int RIGHT = 116;
  private static final int BAR = 11;
  private static final int GAP = 3;
  private static final int GROUP = 2 * BAR + GAP + 18;
  private static final int TOP = 6;

  /**
   * A pair of bars.
   *
   * @param name of the scenario
   * @param metric what it shows
   * @param ballast Ballast's figure
   * @param other the one beside it; empty for none
   */
  record Pair(String name, Metric metric, Statistics ballast, Optional<Row.Beside> other) {}

  private BarChart() {}

  /**
   * Draws.
   *
   * @param id unique in the page
   * @param title one line for screen readers
   * @param pairs from top to bottom
   */
  static String of(String id, String title, List<Pair> pairs) {
    List<String> words = new ArrayList<>();
    pairs.forEach(pair -> words.add(inWords(pair)));
    int height = TOP + pairs.size() * GROUP;
    Svg svg = new Svg(WIDTH, height, id, title, String.join(" ", words));
    int y = TOP;
    for (Pair pair : pairs) {
      draw(svg, y, pair);
      y += GROUP;
    }
    return svg.end();
  }

  private static void draw(Svg svg, int y, Pair pair) {
    double most = finite(pair.ballast.max());
    if (pair.other.isPresent()) {
      most = Math.max(most, finite(pair.other.get().statistics().max()));
    }
    Axis axis = new Axis(most > 0 ? most : 1, LEFT, WIDTH - RIGHT);
    svg.text("name", LEFT - 10, y + BAR + GAP + 3, Svg.Anchor.END, pair.name);
    svg.line("base", LEFT, y - 2, LEFT, y + 2 * BAR + GAP + 2);
    bar(svg, "ballast", y, axis, pair.ballast, pair.metric);
    pair.other.ifPresent(
        other -> bar(svg, "peer", y + BAR + GAP, axis, other.statistics(), pair.metric));
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

  private static String inWords(Pair pair) {
    String words = pair.name + ": Ballast " + inWords(pair.ballast, pair.metric);
    return words
        + pair.other
            .map(other -> ", " + other.name() + " " + inWords(other.statistics(), pair.metric))
            .orElse("")
        + ".";
  }

  private static String inWords(Statistics statistics, Metric metric) {
    return Figures.of(statistics.median(), metric);
  }
}
