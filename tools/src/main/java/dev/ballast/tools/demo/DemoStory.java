package dev.ballast.tools.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** Prints the demo. */
final class DemoStory {
  private static final long MIB = 1 << 20;
  private static final int CELLS_PER_LINE = 64;

  private final PrintStream out;

  DemoStory(PrintStream out) {
    this.out = out;
  }

  void say(String line) {
    out.println(line.stripTrailing());
    out.flush();
  }

  /** Draws the answer to x-query-memory-map, a character for each cell. */
  void map(JsonNode map) {
    long cellBytes = map.path("pages-per-cell").asLong() * map.path("page-size").asLong();
    say(
        "guest memory, "
            + cellBytes / MIB
            + " MiB a cell: ░ ballooned  █ data  · zero  (space) untouched");
    StringBuilder line = new StringBuilder();
    for (JsonNode cell : map.path("cells")) {
      line.append(symbol(cell));
      if (line.length() == CELLS_PER_LINE) {
        say("  │" + line + "│");
        line.setLength(0);
      }
    }
  }

  /** Returns the character for the class of most pages of a cell. */
  private static char symbol(JsonNode cell) {
    long[] counts = {
      cell.path("ballooned").asLong(),
      cell.path("data").asLong(),
      cell.path("zero").asLong(),
      cell.path("untouched").asLong()
    };
    int most = 0;
    for (int i = 1; i < counts.length; i++) {
      most = counts[i] > counts[most] ? i : most;
    }
    return "░█· ".charAt(most);
  }

  /** Prints the migrations side by side. */
  void table(List<DemoHop> hops) {
    say("");
    row(hops, "", hop -> (hop.from() + "→" + hop.to()).toUpperCase(Locale.ROOT));
    row(hops, "skip-balloon", hop -> hop.skipBalloon() ? "on" : "off");
    row(hops, "pages of the guest", hop -> count(hop.pagesTotal()));
    row(hops, "  skipped: in the balloon", hop -> count(hop.pagesSkipped()));
    row(hops, "  scanned", hop -> count(hop.pagesScanned()));
    row(hops, "sent", hop -> hop.transferredBytes() / MIB + " MiB");
    row(hops, "  of it the bitmap", hop -> count(hop.bitmapBytes()) + " B");
    row(hops, "  of that in the downtime", hop -> count(hop.bitmapBytesDowntime()) + " B");
    row(hops, "total time", hop -> seconds(hop.totalMillis()));
    row(hops, "downtime", hop -> seconds(hop.downtimeMillis()));
    row(hops, "  of it comparing memory", hop -> seconds(hop.verifyMillis()));
    row(hops, "memory of both sides", hop -> hop.memoryVerified() ? "equal" : "NOT COMPARED");
    row(hops, "RSS of the source", hop -> hop.sourceRss() / MIB + " MiB");
    row(hops, "RSS of the destination", hop -> hop.destinationRss() / MIB + " MiB");
    row(hops, "the guest's counter", hop -> hop.counterBefore() + " → " + hop.counterAfter());
    say("");
  }

  private void row(List<DemoHop> hops, String name, Function<DemoHop, String> cell) {
    StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "  %-26s", name));
    for (DemoHop hop : hops) {
      line.append(String.format(Locale.ROOT, "%16s", cell.apply(hop)));
    }
    say(line.toString());
  }

  private static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  /** Returns a time in seconds. */
  static String seconds(long millis) {
    return String.format(Locale.ROOT, "%.2f s", millis / 1000.0);
  }
}
