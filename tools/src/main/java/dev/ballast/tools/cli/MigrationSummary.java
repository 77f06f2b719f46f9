package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * The outcome of a migration, in words.
 *
 * @param info the last answer to {@code query-migrate}
 */
record MigrationSummary(JsonNode info) {
  String text() {
    StringBuilder text = new StringBuilder();
    line(text, outcome());
    JsonNode ram = info.path("ram");
    if (ram.path("transferred").asLong() == 0) {
      return text.toString();
    }
    long total = ram.path("total").asLong();
    field(
        text,
        "memory",
        "%s, %s pages"
            .formatted(Units.bytes(total), Units.count(total / ram.path("page-size").asLong(1))));
    field(
        text,
        "pages",
        "%s scanned, %s sent, %s zero"
            .formatted(
                Units.count(info.path("x-pages-scanned").asLong()),
                Units.count(ram.path("normal").asLong()),
                Units.count(ram.path("duplicate").asLong())));
    long poisoned = info.path("x-poisoned-pages").asLong();
    if (poisoned > 0) {
      field(
          text,
          "lost",
          "%s pages to memory errors of this host: zeros were sent instead; the log names them"
              .formatted(Units.count(poisoned)));
    }
    field(text, "balloon", balloon(info.path("x-balloon")));
    field(
        text,
        "sent",
        "%s in %d passes, %s of it while the guest stood still"
            .formatted(
                Units.bytes(ram.path("transferred").asLong()),
                ram.path("dirty-sync-count").asLong(),
                Units.bytes(ram.path("downtime-bytes").asLong())));
    if (info.path("x-verified").asBoolean()) {
      field(
          text,
          "verified",
          "both sides hashed all memory outside the balloon, and found it equal; that took %s of the downtime"
              .formatted(Units.millis(info.path("x-verify-time").asLong())));
    }
    return text.toString();
  }

  private String outcome() {
    String total = Units.millis(info.path("total-time").asLong());
    return switch (info.path("status").asText()) {
      case "completed" ->
          "migrated in %s; the guest stood still for %s"
              .formatted(total, Units.millis(info.path("downtime").asLong()));
      case "cancelled" -> "cancelled after " + total;
      default -> "failed after " + total + ": " + info.path("error-desc").asText();
    };
  }

  private static String balloon(JsonNode balloon) {
    if (!balloon.path("active").asBoolean()) {
      return "not skipped: " + balloon.path("reason").asText();
    }
    return String.format(
        "%s pages skipped; %s of bitmap sent, %s of it while the guest stood still",
        Units.count(balloon.path("pages-skipped").asLong()),
        Units.bytes(balloon.path("bitmap-bytes").asLong()),
        Units.bytes(balloon.path("bitmap-bytes-downtime").asLong()));
  }

  private static void field(StringBuilder text, String name, String value) {
    line(text, "  %-9s %s".formatted(name, value));
  }

  private static void line(StringBuilder text, String line) {
    text.append(line).append(System.lineSeparator());
  }
}
