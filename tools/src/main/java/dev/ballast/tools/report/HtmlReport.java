package dev.ballast.tools.report;

import static dev.ballast.tools.report.Markup.escape;

import dev.ballast.tools.bench.BenchReport;
import dev.ballast.tools.bench.Figures;
import dev.ballast.tools.bench.HostFacts;
import dev.ballast.tools.bench.Measurement;
import dev.ballast.tools.bench.Metric;
import dev.ballast.tools.bench.Row;
import dev.ballast.tools.bench.ScenarioResult;
import dev.ballast.tools.bench.Statistics;
import dev.ballast.tools.bench.SubjectResult;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** The bench as one self-contained web page: a table, bars, a time line, a plot. */
public final class HtmlReport {
  private static final String STYLE = "bench.css";
  private static final double COMPARABLE = 4;

  private final BenchReport report;
  private final StringBuilder page = new StringBuilder();

  private HtmlReport(BenchReport report) {
    this.report = report;
  }

  /** Returns the page. */
  public static String of(BenchReport report) {
    return new HtmlReport(report).write();
  }

  private String write() {
    String title = "Ballast" + report.peer().map(peer -> " beside " + peer.name()).orElse("");
    page.append(
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>%s: live migration measured</title>
        <style>
        %s</style>
        </head>
        <body>
        <main>
        """
            .formatted(escape(title), style()));
    header(title);
    table();
    bars();
    timeline();
    scaling();
    notes();
    page.append("</main>\n</body>\n</html>\n");
    return page.toString();
  }

  private static String style() {
    try (InputStream in = HtmlReport.class.getResourceAsStream(STYLE)) {
      if (in == null) {
        throw new IllegalStateException(STYLE + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void header(String title) {
    HostFacts host = report.host();
    String versions =
        "Ballast "
            + report.version()
            + report.peer().map(p -> " and " + p.name() + " " + p.version()).orElse("; no peer");
    page.append(
        """
        <header>
        <h1>%s</h1>
        <p class="lead">The same guest, moved, started and ballooned by each, in turns on one host. \
        <strong>%d of %d targets met.</strong></p>
        <p class="facts">%s<br>%s, %d CPUs, %s of memory, %s, KVM: %s, load before the run %s, memcpy \
        %s/s<br>%s, %d min %02d s in all</p>
        <p class="legend"><span><span class="key ballast"></span>Ballast</span>%s</p>
        </header>
        """
            .formatted(
                escape(title),
                report.met(),
                report.rows().size(),
                escape(versions),
                escape(host.processor()),
                host.cpus(),
                Figures.bytes(host.memoryBytes()),
                escape(host.kernel()),
                escape(host.kvm()),
                String.format(Locale.ROOT, "%.1f", host.load()),
                Figures.bytes(report.copyBytesPerSecond()),
                escape(report.started().toString()),
                report.took().toMinutes(),
                report.took().toSecondsPart(),
                report
                    .peer()
                    .map(
                        p ->
                            " <span><span class=\"key peer\"></span>"
                                + escape(p.name())
                                + "</span>")
                    .orElse("")));
  }

  private void table() {
    page.append(
        """
        <section>
        <h2>Targets</h2>
        <div class="scroll"><table>
        <caption>Medians, and in small type the smallest and largest value of how many. The ratio is \
        Ballast's median to the figure beside it, or to what is named below the ratio.</caption>
        <thead><tr><th scope="col">scenario</th><th scope="col">figure</th>
        <th scope="col" class="n">Ballast</th><th scope="col" class="n">%s</th>
        <th scope="col" class="n">ratio</th><th scope="col" class="n">target</th>
        <th scope="col">met</th></tr></thead>
        <tbody>
        """
            .formatted(escape(report.peer().map(BenchReport.Peer::name).orElse("no peer"))));
    report.rows().forEach(this::row);
    page.append("</tbody></table></div>\n</section>\n");
  }

  private void row(Row row) {
    Metric metric = row.target().metric();
    String met =
        row.met()
            .map(yes -> yes ? "<span class=\"yes\">✓ yes</span>" : "<span class=\"no\">✗ no</span>")
            .orElse("–");
    page.append(
        """
        <tr><th scope="row">%s</th><td>%s</td><td class="n">%s</td><td class="n">%s</td>\
        <td class="n strong">%s%s</td><td class="n">%s</td><td>%s</td></tr>
        """
            .formatted(
                escape(row.name()),
                metric.label(),
                range(row.ballast(), metric),
                row.beside().map(other -> range(other.statistics(), metric)).orElse("–"),
                Figures.ratio(row.ratio()),
                row.isPlain() ? "" : "<small>to " + escape(row.reference()) + "</small>",
                row.target().text(),
                met));
  }

  private static String range(Statistics statistics, Metric metric) {
    String median = escape(Figures.of(statistics.median(), metric));
    if (statistics.count() == 1) {
      return median;
    }
    return "%s <small>%s–%s of %d</small>"
        .formatted(
            median,
            escape(Figures.of(statistics.min(), metric)),
            escape(Figures.of(statistics.max(), metric)),
            statistics.count());
  }

  private void bars() {
    page.append(
        """
        <section>
        <h2>What a migration costs</h2>
        <p>Each pair of bars has a scale of its own: scenarios differ a thousandfold.</p>
        <div class="grid">
        """);
    bars("Total time", Metric.TIME);
    bars("Bytes over the socket", Metric.BYTES);
    bars("Downtime", Metric.DOWNTIME);
    bars("Resident memory of the destination afterwards", Metric.RSS);
    page.append("</div></section>\n");
    List<BarChart.Pair> others =
        report.results().stream()
            .filter(result -> !result.ballast().has(Metric.TIME))
            .flatMap(result -> result.rows().stream())
            .map(HtmlReport::pair)
            .toList();
    if (!others.isEmpty()) {
      page.append(
          """
          <section>
          <h2>What else is measured</h2>
          <p>Of round trips and of what is inflated, more is better; of the rest, less. The second bar of \
          round trips is a loop around KVM_RUN in C.</p>
          """);
      figure("Other figures", BarChart.of("bars-other", "Other figures", others));
      page.append("</section>\n");
    }
  }

  private void bars(String caption, Metric metric) {
    List<BarChart.Pair> pairs =
        report.results().stream()
            .filter(result -> result.ballast().has(metric))
            .map(result -> pair(result, metric))
            .toList();
    if (!pairs.isEmpty()) {
      figure(caption, BarChart.of("bars-" + metric.label(), caption, pairs));
    }
  }

  private static BarChart.Pair pair(ScenarioResult result, Metric metric) {
    return new BarChart.Pair(
        result.scenario().name(),
        metric,
        result.ballast().statistics(metric),
        result.peer().map(peer -> new Row.Beside(peer.name(), peer.statistics(metric))));
  }

  private static BarChart.Pair pair(Row row) {
    return new BarChart.Pair(row.name(), row.target().metric(), row.ballast(), row.beside());
  }

  private void figure(String caption, String picture) {
    page.append("<figure><figcaption>%s</figcaption>%n%s</figure>%n".formatted(caption, picture));
  }

  /** Draws the migration with the most passes that came to an end, and the peer's beside it. */
  private void timeline() {
    Optional<ScenarioResult> chosen =
        report.results().stream()
            .filter(result -> ended(result.ballast()).isPresent())
            .max(Comparator.comparingInt(result -> passes(ended(result.ballast()).orElseThrow())));
    if (chosen.isEmpty()) {
      return;
    }
    ScenarioResult result = chosen.get();
    Measurement ballast = ended(result.ballast()).orElseThrow();
    Optional<Measurement> peer = result.peer().flatMap(HtmlReport::ended);
    page.append(
        """
        <section>
        <h2>One migration over time</h2>
        <p><em>%s</em>: %s.</p>
        <p class="legend"><span><span class="key line-t"></span>throughput</span>
        <span><span class="key line-d"></span>dirty rate</span>
        <span><span class="key line-l"></span>left to send</span>
        <span><span class="key down"></span>downtime</span> Thin lines: a new pass begins.</p>
        <div class="grid">
        """
            .formatted(escape(result.scenario().name()), escape(result.scenario().description())));
    double span = span(ballast);
    double peerSpan = peer.map(HtmlReport::span).orElse(span);
    // One scale for both, as long as something can be seen of the shorter one on it.
    boolean shared = Math.max(span, peerSpan) < COMPARABLE * Math.min(span, peerSpan);
    double both = Math.max(span, peerSpan);
    page.append(figureOf("timeline-ballast", "Ballast", ballast, shared ? both : span));
    peer.ifPresent(
        measurement ->
            page.append(
                figureOf(
                    "timeline-peer",
                    result.peer().orElseThrow().name(),
                    measurement,
                    shared ? both : peerSpan)));
    page.append("</div></section>\n");
  }

  private static String figureOf(String id, String who, Measurement measurement, double span) {
    return "<figure>" + new TimelineChart(id, who, measurement, span).draw() + "</figure>\n";
  }

  /** Returns how many milliseconds a picture of a migration has to show, at least 1. */
  private static double span(Measurement measurement) {
    return Stream.concat(
            Stream.of(1.0, measurement.value(Metric.TIME)),
            measurement.timeline().stream().map(Measurement.Sample::millis))
        .mapToDouble(Double::doubleValue)
        .max()
        .orElseThrow();
  }

  private static Optional<Measurement> ended(SubjectResult result) {
    return result.measurements().stream()
        .filter(m -> m.failure().isEmpty() && !m.timeline().isEmpty())
        .max(Comparator.comparingInt(HtmlReport::passes));
  }

  private static int passes(Measurement measurement) {
    return measurement.timeline().stream().mapToInt(Measurement.Sample::pass).max().orElse(0);
  }

  private void scaling() {
    page.append(
        """
        <section>
        <h2>Growing with the guest</h2>
        <p>The passes over bitmaps that a migration begins with, for guests larger than any host here: \
        every page is a candidate, the ballooned nine tenths are taken out, the rest is counted. The \
        time grows with the power <strong>%s</strong> of the size.</p>
        """
            .formatted(String.format(Locale.ROOT, "%.2f", report.scaling().slope())));
    figure("Simulated over bitmaps alone, no guest", ScalingChart.of(report.scaling()));
    page.append("</section>\n");
  }

  private void notes() {
    page.append("<section>\n<h2>Scenarios</h2>\n<dl>\n");
    for (ScenarioResult result : report.results()) {
      page.append(
          "<dt>%s</dt><dd>%s. %s%s</dd>%n"
              .formatted(
                  escape(result.scenario().name()),
                  escape(result.scenario().description()),
                  settings(result),
                  escape(result.scenario().note())));
    }
    page.append("</dl>\n");
    for (String failure : report.failures()) {
      page.append("<p class=\"no\">Could not be run: %s</p>%n".formatted(escape(failure)));
    }
    page.append(
        """
        <p class="facts">Times, bytes and downtime are what query-migrate of the source says; resident \
        memory is VmRSS of the destination's process, shared pages included, once the guest runs there. \
        A small migration of each goes before as a warm-up. Each setting is tried once and the better \
        one measured on; what takes long is measured less often. After each migration the guest is asked \
        whether it is there and has its memory.</p>
        </section>
        """);
  }

  private static String settings(ScenarioResult result) {
    List<String> settings =
        Stream.of(Optional.of(result.ballast()), result.peer(), result.baseline())
            .flatMap(Optional::stream)
            .map(HtmlReport::settings)
            .filter(text -> !text.isEmpty())
            .toList();
    return settings.isEmpty() ? "" : escape(String.join("; ", settings) + ". ");
  }

  private static String settings(SubjectResult result) {
    String label =
        result.variant().label() + result.failure().map(reason -> ", " + reason).orElse("");
    return label.isEmpty() ? "" : result.name() + ": " + label;
  }
}
