package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * All that a bench found.
 *
 * @param started when it began
 * @param host where it ran
 * @param version of Ballast
 * @param peer the other VMM; empty if there was none
 * @param results of the scenarios that ran to their end
 * @param failures one line for each that did not
 * @param scaling what passes over bitmaps cost by size of the guest
 */
public record BenchReport(
    Instant started,
    HostFacts host,
    String version,
    Optional<Peer> peer,
    List<ScenarioResult> results,
    List<String> failures,
    BitmapScaling scaling) {
  /** Keeps copies of the lists. */
  public BenchReport {
    results = List.copyOf(results);
    failures = List.copyOf(failures);
  }

  /**
   * The other VMM.
   *
   * @param name what it is
   * @param version as it prints it
   */
  public record Peer(String name, String version) {}

  /** Returns the report for programs. Figures that are infinite or unknown are null. */
  public ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("started", started.toString()).put("ballast_version", version);
    json.putObject("host")
        .put("kernel", host.kernel())
        .put("processor", host.processor())
        .put("cpus", host.cpus())
        .put("memory_bytes", host.memoryBytes())
        .put("kvm", host.kvm())
        .put("load_average", host.load());
    if (peer.isPresent()) {
      json.putObject("peer").put("name", peer.get().name()).put("version", peer.get().version());
    } else {
      json.putNull("peer");
    }
    for (ScenarioResult result : results) {
      for (Row row : result.rows()) {
        json.withArray("scenarios").add(json(result, row));
      }
    }
    failures.forEach(json.putArray("failures")::add);
    ObjectNode bitmaps = json.putObject("bitmap_passes").put("slope", scaling.slope());
    for (BitmapScaling.Point point : scaling.points()) {
      bitmaps
          .withArray("points")
          .addObject()
          .put("guest_bytes", point.guestBytes())
          .put("ms", point.millis());
    }
    return json;
  }

  private static ObjectNode json(ScenarioResult result, Row row) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    Metric metric = row.target().metric();
    json.put("name", row.name()).put("metric", metric.label());
    json.set("ballast", json(row.ballast(), metric));
    if (row.peer().isPresent()) {
      json.set("peer", json(row.peer().get(), metric));
    } else {
      json.putNull("peer");
    }
    json.put("ratio", row.ratio().isPresent() ? finite(row.ratio().getAsDouble()) : null);
    json.put("target", row.target().most());
    json.put("met", row.met().orElse(null));
    costs(result.ballast(), json);
    result.peer().ifPresent(side -> costs(side, json.putObject("peer_costs")));
    result.physicalLimitRatio().ifPresent(ratio -> json.put("physical_limit_ratio", ratio));
    if (!result.scenario().note().isEmpty()) {
      json.put("note", result.scenario().note());
    }
    return json;
  }

  private static void costs(Side side, ObjectNode json) {
    json.put("transferred_bytes", (long) side.statistics(Metric.BYTES).median());
    json.put("downtime_ms", finite(side.statistics(Metric.DOWNTIME).median()));
    json.put("rss_bytes", (long) side.statistics(Metric.RSS).median());
    json.put("setting", side.setting().label());
    side.failure().ifPresent(reason -> json.put("not_ended", reason));
  }

  private static ObjectNode json(Statistics statistics, Metric metric) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("median", finite(statistics.median()))
        .put("min", finite(statistics.min()))
        .put("max", finite(statistics.max()))
        .put("unit", metric.unit());
  }

  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? (Double) value : null;
  }
}
