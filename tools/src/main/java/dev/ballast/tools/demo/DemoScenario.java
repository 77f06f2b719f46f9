package dev.ballast.tools.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.linux.LinuxGuest;
import dev.ballast.guest.linux.LinuxGuestConsole;
import dev.ballast.tools.qmp.QmpClient;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;

/** A Linux guest that boots, gives memory back, and moves A→B→C→D, with everything measured. */
final class DemoScenario {
  private static final long MIB = 1 << 20;
  private static final long MEMORY = 1024 * MIB;
  private static final long BALLOON = 600 * MIB;
  private static final int RANDOM_MIB = 300;
  private static final int CPUS = 2;
  private static final int PAGE = 4096;
  private static final int MAP_CELLS = 256;
  private static final Duration BOOT_TIMEOUT = Duration.ofMinutes(3);
  private static final Duration STEP_TIMEOUT = Duration.ofMinutes(2);

  private final PrintStream out;
  private final Path kernel;
  private final Path initrd;
  private final ObjectNode report = JsonNodeFactory.instance.objectNode();
  private final Deque<DemoMachine> machines = new ArrayDeque<>();

  DemoScenario(PrintStream out, Path kernel, Path initrd) {
    this.out = out;
    this.kernel = kernel;
    this.initrd = initrd;
  }

  /** Runs the story and returns its figures. */
  ObjectNode run() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("ballast-demo");
    try {
      story(directory);
    } finally {
      while (!machines.isEmpty()) {
        machines.pop().close();
      }
    }
    return report;
  }

  private DemoMachine start(Path directory, String name, List<String> more)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("--memory", MEMORY / MIB + "M", "--cpus", Integer.toString(CPUS)));
    arguments.addAll(List.of("--kernel", kernel.toString(), "--initrd", initrd.toString()));
    arguments.addAll(List.of("--cmdline", LinuxGuest.COMMAND_LINE));
    arguments.addAll(more);
    DemoMachine machine = DemoMachine.start(directory, name, arguments);
    machines.push(machine);
    return machine;
  }

  private void story(Path directory) throws IOException, InterruptedException {
    long started = System.nanoTime();
    DemoMachine machine = start(directory, "a", List.of());
    LinuxGuestConsole.Ready ready = machine.console().awaitReady(BOOT_TIMEOUT);
    long bootMillis = (System.nanoTime() - started) / 1_000_000;
    long memTotal = machine.console().memory(STEP_TIMEOUT).totalKib();
    report
        .putObject("guest")
        .put("kernel", ready.release())
        .put("cpus", ready.cpus())
        .put("memory_bytes", MEMORY)
        .put("boot_ms", bootMillis)
        .put("mem_total_kib", memTotal);
    say(
        String.format(
            Locale.ROOT,
            "A boots Linux %s: %d CPUs, 1 GiB, up in %.1f s",
            ready.release(),
            ready.cpus(),
            bootMillis / 1000.0));
    machine.console().touch(RANDOM_MIB, STEP_TIMEOUT);
    LinuxGuestConsole.Hash before = machine.console().hash(STEP_TIMEOUT);
    say(
        String.format(
            Locale.ROOT,
            "the guest fills %d MiB with random data, md5 %s",
            RANDOM_MIB,
            before.md5()));
    machine.balloon(MEMORY - BALLOON, STEP_TIMEOUT);
    say(String.format(Locale.ROOT, "the balloon takes %d MiB back", BALLOON / MIB));
    long actual = machine.actualBytes();
    report
        .putObject("balloon")
        .put("actual_bytes", actual)
        .put("bitmap_pages", (MEMORY - actual) / PAGE);
    drawMap(machine);
    report.putArray("migrations");
    say("");
    say(
        String.format(
            Locale.ROOT,
            "%-4s %-12s %9s %9s %9s %10s %7s %8s %8s %15s %15s %s",
            "hop",
            "skip-balloon",
            "pages",
            "scanned",
            "skipped",
            "sent",
            "bitmap",
            "total",
            "down",
            "RSS",
            "counter",
            "memory"));
    machine = hop(directory, machine, "b", false);
    machine = hop(directory, machine, "c", true);
    machine = hop(directory, machine, "d", true);
    machine.balloon(MEMORY, STEP_TIMEOUT);
    LinuxGuestConsole.Memory memory = machine.console().memory(STEP_TIMEOUT);
    LinuxGuestConsole.Hash after = machine.console().hash(STEP_TIMEOUT);
    boolean intact = after.md5().equals(before.md5()) && memory.totalKib() == memTotal;
    report
        .putObject("end")
        .put("mem_total_kib", memory.totalKib())
        .put("mem_free_kib", memory.freeKib())
        .put("actual_bytes", machine.actualBytes())
        .put("data_intact", intact);
    say("");
    say(
        String.format(
            Locale.ROOT,
            "D deflates: MemTotal %d MiB as before, MemFree %d MiB, md5 %s: %s",
            memory.totalKib() / 1024,
            memory.freeKib() / 1024,
            after.md5(),
            intact ? "all data intact" : "THE DATA CHANGED"));
    if (!intact) {
      throw new IOException("the guest's data or MemTotal changed on its way");
    }
  }

  private DemoMachine hop(Path directory, DemoMachine from, String name, boolean skipBalloon)
      throws IOException, InterruptedException {
    String uri = "unix:" + directory.resolve(name + ".migration");
    DemoMachine to = start(directory, name, List.of("--incoming", uri));
    long counterBefore = from.console().count(STEP_TIMEOUT).value();
    long sourceRss = from.residentBytes();
    JsonNode info = from.migrate(uri, skipBalloon, STEP_TIMEOUT);
    long counterAfter = to.console().count(STEP_TIMEOUT).value();
    long destinationRss = to.residentBytes();
    JsonNode ram = info.path("ram");
    JsonNode balloon = info.path("x-balloon");
    boolean verified = info.path("x-verified").asBoolean();
    ObjectNode hop = JsonNodeFactory.instance.objectNode();
    hop.put("from", from.name())
        .put("to", name)
        .put("skip_balloon", balloon.path("active").asBoolean())
        .put("pages_total", MEMORY / PAGE)
        .put("pages_scanned", info.path("x-pages-scanned").asLong())
        .put("pages_skipped", balloon.path("pages-skipped").asLong())
        .put("transferred_bytes", ram.path("transferred").asLong())
        .put("bitmap_bytes", balloon.path("bitmap-bytes").asLong())
        .put("bitmap_bytes_downtime", balloon.path("bitmap-bytes-downtime").asLong())
        .put("total_ms", info.path("total-time").asLong())
        .put("downtime_ms", info.path("downtime").asLong())
        .put("source_rss_bytes", sourceRss)
        .put("destination_rss_bytes", destinationRss)
        .put("counter_before", counterBefore)
        .put("counter_after", counterAfter)
        .put("memory_verified", verified);
    report.withArray("migrations").add(hop);
    say(
        String.format(
            Locale.ROOT,
            "%-4s %-12s %9d %9d %9d %6d MiB %5d B %6d ms %5d ms %4d → %4d MiB %6d → %6d %s",
            from.name().toUpperCase(Locale.ROOT) + "→" + name.toUpperCase(Locale.ROOT),
            skipBalloon ? "on" : "off",
            MEMORY / PAGE,
            hop.path("pages_scanned").asLong(),
            hop.path("pages_skipped").asLong(),
            hop.path("transferred_bytes").asLong() / MIB,
            hop.path("bitmap_bytes").asLong(),
            hop.path("total_ms").asLong(),
            hop.path("downtime_ms").asLong(),
            sourceRss / MIB,
            destinationRss / MIB,
            counterBefore,
            counterAfter,
            verified ? "equal" : "NOT VERIFIED"));
    machines.remove(from);
    from.close();
    if (counterAfter < counterBefore) {
      throw new IOException("the guest's counter went backwards");
    }
    return to;
  }

  private void drawMap(DemoMachine machine) throws IOException {
    JsonNode map =
        machine.query("x-query-memory-map", QmpClient.arguments().put("cells", MAP_CELLS));
    say("guest memory: ░ ballooned  █ data  · zero  (space) untouched; one cell is 4 MiB");
    StringBuilder line = new StringBuilder();
    int column = 0;
    for (JsonNode cell : map.path("cells")) {
      line.append(symbol(cell));
      if (++column % 64 == 0) {
        say(String.format(Locale.ROOT, "  │%s│", line));
        line.setLength(0);
      }
    }
  }

  /** What most pages of a cell are. */
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

  private void say(String line) {
    out.println(line.stripTrailing());
    out.flush();
  }
}
