package dev.ballast.tools.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.bench.BenchReport;
import dev.ballast.tools.bench.BitmapScaling;
import dev.ballast.tools.bench.HostFacts;
import dev.ballast.tools.bench.Metric;
import dev.ballast.tools.bench.Row;
import dev.ballast.tools.bench.ScenarioResult;
import dev.ballast.tools.bench.Statistics;
import dev.ballast.tools.bench.SubjectResult;
import org.jspecify.annotations.Nullable;

/** The report for programs: one object per row. */
public final class JsonReport {
  private JsonReport() {}

  /** Returns the report. Figures that are infinite or unknown are null. */
  public static ObjectNode of(BenchReport report) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("started", report.started().toString())
        .put("took_s", report.took().toMillis() / 1000.0)
        .put("ballast_version", report.version());
    HostFacts host = report.host();
    json.putObject("host")
        .put("kernel", host.kernel())
        .put("processor", host.processor())
        .put("cpus", host.cpus())
        .put("memory_bytes", host.memoryBytes())
        .put("kvm", host.kvm())
        .put("load_average", host.load())
        .put("memcpy_bytes_per_second", report.copyBytesPerSecond())
        .put("memory_kept_warm_bytes", report.warmBytes());
    json.set("peer", report.peer().map(JsonReport::of).orElse(null));
    ArrayNode scenarios = json.putArray("scenarios");
    for (ScenarioResult result : report.results()) {
      result.rows().forEach(row -> scenarios.add(of(result, row)));
    }
    report.failures().forEach(json.putArray("failures")::add);
    ObjectNode bitmaps = json.putObject("bitmap_passes").put("slope", report.scaling().slope());
    ArrayNode points = bitmaps.putArray("points");
    for (BitmapScaling.Point point : report.scaling().points()) {
      points.addObject().put("guest_bytes", point.guestBytes()).put("ms", point.millis());
    }
    return json;
  }

  private static ObjectNode of(BenchReport.Peer peer) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("name", peer.name())
        .put("version", peer.version());
  }

  private static ObjectNode of(ScenarioResult result, Row row) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    Metric metric = row.target().metric();
    json.put("name", row.name()).put("metric", metric.label());
    json.set("ballast", of(row.ballast(), metric));
    json.set("peer", row.beside().map(other -> of(other.statistics(), metric)).orElse(null));
    json.put("ratio_to", row.reference());
    json.put("ratio", finite(row.ratio().orElse(Double.NaN)));
    json.put("target", row.target().bound());
    json.put("target_is", metric.moreIsBetter() ? "at least" : "at most");
    json.put("met", row.met().orElse(null));
    costs(result.ballast(), json);
    result.peer().ifPresent(peer -> costs(peer, json.putObject("peer_costs")));
    result.physicalLimitRatio().ifPresent(ratio -> json.put("physical_limit_ratio", ratio));
    if (!result.scenario().note().isEmpty()) {
      json.put("note", result.scenario().note());
    }
    return json;
  }

  private static void costs(SubjectResult result, ObjectNode json) {
    json.put("transferred_bytes", median(result, Metric.BYTES));
    json.put("downtime_ms", median(result, Metric.DOWNTIME));
    json.put("rss_bytes", median(result, Metric.RSS));
    if (!result.variant().label().isEmpty()) {
      json.put("setting", result.variant().label());
    }
    result.failure().ifPresent(reason -> json.put("not_ended", reason));
  }

  private static @Nullable Double median(SubjectResult result, Metric metric) {
    return result.has(metric) ? finite(result.statistics(metric).median()) : null;
  }

  private static ObjectNode of(Statistics statistics, Metric metric) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("median", finite(statistics.median()))
        .put("min", finite(statistics.min()))
        .put("max", finite(statistics.max()))
        .put("unit", metric.unit().symbol())
        .put("count", statistics.count());
  }

  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? (Double) value : null;
  }
}
