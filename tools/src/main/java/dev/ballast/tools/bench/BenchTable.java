package dev.ballast.tools.bench;

import java.io.PrintStream;
import java.util.Locale;
import java.util.Optional;

/** The report as a table on a terminal. */
public final class BenchTable {
  private static final String LINE = "%-28s %-9s %26s %26s %8s %8s  %s%n";

  private final PrintStream out;

  /**
   * @param out where it goes
   */
  public BenchTable(PrintStream out) {
    this.out = out;
  }

  /** Prints a row for each target: medians, the range in brackets, ratio, target, whether met. */
  public void print(BenchReport report) {
    String peer = report.peer().map(BenchReport.Peer::name).orElse("no peer");
    out.println();
    out.printf(LINE, "", "", "Ballast", peer, "ratio", "target", "met");
    for (ScenarioResult result : report.results()) {
      for (Row row : result.rows()) {
        Metric metric = row.target().metric();
        out.printf(
            LINE,
            row.name(),
            metric.label(),
            range(row.ballast(), metric),
            row.peer().map(statistics -> range(statistics, metric)).orElse("–"),
            Figures.ratio(row.ratio()),
            "≤ " + Figures.small(row.target().most()),
            met(row.met()));
      }
      result
          .physicalLimitRatio()
          .ifPresent(
              ratio ->
                  out.printf(
                      Locale.ROOT,
                      "%-28s %.2f of what a plain copy through a socket reaches%n",
                      "",
                      ratio));
    }
    out.printf(
        Locale.ROOT,
        "%nPasses over bitmaps, 1 GiB to 12 TiB: time grows with the power %.2f of the size%n",
        report.scaling().slope());
    report.failures().forEach(failure -> out.println("failed: " + failure));
  }

  private static String met(Optional<Boolean> met) {
    return met.map(yes -> yes ? "yes" : "NO").orElse("–");
  }

  private static String range(Statistics statistics, Metric metric) {
    String median = Figures.of(statistics.median(), metric);
    if (statistics.count() == 1) {
      return median;
    }
    return "%s [%s–%s]"
        .formatted(
            median, Figures.of(statistics.min(), metric), Figures.of(statistics.max(), metric));
  }
}
