package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jline.terminal.Terminal;
import org.jspecify.annotations.Nullable;

/**
 * How a migration goes, for the eye: one line that changes on a terminal, a line a second
 * elsewhere, or nothing.
 */
final class MigrationDisplay implements AutoCloseable {
  private static final long PLAIN_INTERVAL = TimeUnit.SECONDS.toNanos(1);
  private static final int BAR_CELLS = 20;
  private static final String ERASE_LINE = "\r\u001b[K";

  private final PrintStream out = System.err;
  private final boolean silent;
  private final @Nullable Terminal terminal;
  private long nextPlainLine = System.nanoTime();

  private MigrationDisplay(boolean silent, @Nullable Terminal terminal) {
    this.silent = silent;
    this.terminal = terminal;
  }

  static MigrationDisplay open(boolean silent) throws IOException {
    boolean interactive = !silent && HostTerminal.isThere();
    return new MigrationDisplay(silent, interactive ? HostTerminal.open() : null);
  }

  void show(JsonNode info) {
    if (silent) {
      return;
    }
    String line = line(info);
    if (terminal != null) {
      int columns = terminal.getWidth() > 0 ? terminal.getWidth() : 80;
      out.print(ERASE_LINE + line.substring(0, Math.min(line.length(), columns - 1)));
      out.flush();
    } else if (System.nanoTime() - nextPlainLine >= 0) {
      out.println(line);
      nextPlainLine = System.nanoTime() + PLAIN_INTERVAL;
    }
  }

  /** Removes what is on the terminal. */
  void clear() {
    if (terminal != null) {
      out.print(ERASE_LINE);
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

  @Override
  public void close() throws IOException {
    if (terminal != null) {
      terminal.close();
    }
  }
}
