package dev.ballast.tools.report;

import dev.ballast.tools.bench.BenchReport;
import dev.ballast.tools.bench.Figures;
import dev.ballast.tools.bench.Metric;
import dev.ballast.tools.bench.Row;
import dev.ballast.tools.bench.Statistics;
import java.io.PrintStream;
import java.util.Locale;

/** The report as a table on a terminal. */
public final class TableReport {
  private static final String LINE = "%-26s %-17s %30s %30s %8s %8s  %s%n";

  private TableReport() {}

  /**
   * Prints a row for each target: medians, in brackets the range and the number of measurements,
   * ratio, target, whether met.
   *
   * @param out where it goes
   */
  public static void print(BenchReport report, PrintStream out) {
    String peer = report.peer().map(BenchReport.Peer::name).orElse("no peer");
    out.println();
    out.printf(LINE, "", "", "Ballast", peer, "ratio", "target", "met");
    report.rows().forEach(row -> print(row, out));
    out.printf(
        Locale.ROOT,
        "%n%d of %d targets met in %d:%02d min; memcpy %s/s%n",
        report.met(),
        report.rows().size(),
        report.took().toMinutes(),
        report.took().toSecondsPart(),
        Figures.bytes(report.copyBytesPerSecond()));
    out.printf(
        Locale.ROOT,
        "Passes over bitmaps, 1 GiB to 12 TiB: time grows with the power %.2f of the size%n",
        report.scaling().slope());
    report.failures().forEach(failure -> out.println("failed: " + failure));
  }

  private static void print(Row row, PrintStream out) {
    Metric metric = row.target().metric();
    String beside = row.beside().map(other -> range(other.statistics(), metric)).orElse("–");
    String met = row.met().map(yes -> yes ? "yes" : "NO").orElse("–");
    out.printf(
        LINE,
        row.name(),
        metric.label(),
        range(row.ballast(), metric),
        beside,
        Figures.ratio(row.ratio()),
        row.target().text(),
        met + (row.isPlain() ? "" : "  (ratio to " + row.reference() + ")"));
  }

  private static String range(Statistics statistics, Metric metric) {
    String median = Figures.of(statistics.median(), metric);
    if (statistics.count() == 1) {
      return median;
    }
    return "%s [%s–%s, %d]"
        .formatted(
            median,
            Figures.of(statistics.min(), metric),
            Figures.of(statistics.max(), metric),
            statistics.count());
  }
}
