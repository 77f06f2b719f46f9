package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Optional;
import java.util.StringJoiner;

/** A guest's report of its memory, in the form of QMP's {@code guest-stats}. */
final class GuestStatistics {
  private static final String PATH = "/machine/peripheral/balloon0";
  private static final String INTERVAL = "guest-stats-polling-interval";

  private GuestStatistics() {}

  /** Sets how often a machine asks its guest for a report, in seconds; 0 for never. */
  static void poll(QmpClient client, long seconds) throws IOException, QmpException {
    client.command(
        "qom-set",
        QmpClient.arguments().put("path", PATH).put("property", INTERVAL).put("value", seconds));
  }

  /** Returns the last report; empty when the machine does not ask its guest, or cannot. */
  static Optional<JsonNode> polled(QmpClient client) throws IOException {
    try {
      return property(client, INTERVAL).asLong() == 0
          ? Optional.empty()
          : Optional.of(property(client, "guest-stats"));
    } catch (QmpException e) {
      // The balloon offers no statistics.
      return Optional.empty();
    }
  }

  private static JsonNode property(QmpClient client, String name) throws IOException, QmpException {
    return client.command("qom-get", QmpClient.arguments().put("path", PATH).put("property", name));
  }

  /** Returns the report in one line. */
  static String text(JsonNode report) {
    long time = report.path("last-update").asLong();
    if (time == 0) {
      return "has not reported its memory";
    }
    StringJoiner parts = new StringJoiner(", ", "", "; " + Instant.ofEpochSecond(time));
    JsonNode stats = report.path("stats");
    add(parts, stats.path("stat-total-memory"), "in all");
    add(parts, stats.path("stat-free-memory"), "free");
    add(parts, stats.path("stat-available-memory"), "available");
    add(parts, stats.path("stat-disk-caches"), "in caches");
    return parts.toString();
  }

  private static void add(StringJoiner parts, JsonNode value, String what) {
    BigInteger bytes = value.bigIntegerValue();
    // What the guest does not tell is 2^64 - 1; other nonsense may be as large.
    if (value.isIntegralNumber() && bytes.bitLength() < Long.SIZE) {
      parts.add(Units.bytes(bytes.longValue()) + " " + what);
    }
  }
}
