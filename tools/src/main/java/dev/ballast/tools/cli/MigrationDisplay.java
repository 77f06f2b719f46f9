package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * The progress of a migration: one line that changes on a terminal, a line a second elsewhere, or
 * nothing.
 */
final class MigrationDisplay {
  private static final long PLAIN_INTERVAL = TimeUnit.SECONDS.toNanos(1);
  private static final int BAR_CELLS = 20;

  /** To the first column, and without wrapping: what is too long for the line is cut off. */
  private static final String LINE_START = "\r\u001b[?7l";

  /** Erases what is left of the line, and wraps again. */
  private static final String LINE_END = "\u001b[K\u001b[?7h";

  private final PrintStream out = System.err;
  private final boolean silent;
  private final boolean onTerminal;
  private long nextPlainLine = System.nanoTime();

  /**
   * @param silent whether it shows nothing
   */
  MigrationDisplay(boolean silent) {
    this.silent = silent;
    this.onTerminal = !silent && HostTerminal.isThere() && HostTerminal.obeysControlSequences();
  }

  void show(JsonNode info) {
    if (silent) {
      return;
    }
    String line = line(info);
    if (onTerminal) {
      out.print(LINE_START + line + LINE_END);
      out.flush();
    } else if (System.nanoTime() - nextPlainLine >= 0) {
      out.println(line);
      nextPlainLine = System.nanoTime() + PLAIN_INTERVAL;
    }
  }

  /** Removes what is on the terminal. */
  void clear() {
    if (onTerminal) {
      out.print(LINE_START + LINE_END);
      out.flush();
    }
  }

  static String line(JsonNode info) {
    JsonNode ram = info.path("ram");
    long total = ram.path("total").asLong();
    long remaining = ram.path("remaining").asLong();
    if (total == 0) {
      return info.path("status").asText();
    }
    int full = (int) Math.round((double) BAR_CELLS * (total - remaining) / total);
    return String.format(
        Locale.ROOT,
        "%s pass %d [%s%s] %s pages left, %s at %s/s, guest writes %s pages/s,"
            + " downtime ~%s, %s pages skipped",
        info.path("status").asText(),
        ram.path("dirty-sync-count").asLong(),
        "#".repeat(full),
        "-".repeat(BAR_CELLS - full),
        Units.count(remaining / ram.path("page-size").asLong(1)),
        Units.bytes(ram.path("transferred").asLong()),
        Units.bytes((long) (ram.path("mbps").asDouble() * 1e6 / 8)),
        Units.count(ram.path("dirty-pages-rate").asLong()),
        Units.millis(info.path("expected-downtime").asLong()),
        Units.count(info.path("x-balloon").path("pages-skipped").asLong()));
  }
}
