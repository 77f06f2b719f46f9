package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareGuest;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/**
 * Runs scenarios on Ballast and on another VMM, in turns: first small ones to warm up, then each
 * setting of each once, then the better setting of each again and again. Never two guests at once.
 */
public final class Bench {
  private static final List<Setting> SETTINGS = List.of(Setting.SINGLE, Setting.MULTIFD);

  private final PrintStream out;
  private final Contestant ballast;
  private final Optional<Contestant> peer;

  private Bench(PrintStream out, Contestant ballast, Optional<Contestant> peer) {
    this.out = out;
    this.ballast = ballast;
    this.peer = peer;
  }

  /**
   * Finds the VMMs on this host. Installs nothing.
   *
   * @param out where to say how it goes
   * @throws IOException if this Ballast is not installed
   */
  public static Bench onThisHost(PrintStream out) throws IOException, InterruptedException {
    Optional<Contestant> peer = QemuContestant.find().map(qemu -> qemu);
    if (peer.isEmpty()) {
      out.printf(
          "There is no %s on the PATH, so Ballast runs alone and no ratio is known: apt-get install"
              + " %s%n",
          QemuContestant.PROGRAM, QemuContestant.PACKAGE);
    }
    return new Bench(out, BallastContestant.find(), peer);
  }

  /**
   * Runs scenarios, one after the other.
   *
   * @param scenarios which
   * @param repeat how often each is measured
   * @throws IOException if nothing can be run here; a scenario that fails is noted in the report
   */
  public BenchReport run(List<Scenario> scenarios, int repeat)
      throws IOException, InterruptedException {
    Instant started = Instant.now();
    HostFacts host = HostFacts.ofThisHost();
    out.printf(
        Locale.ROOT,
        "%s, %d CPUs, %s, KVM: %s, load %.1f%n",
        host.processor(),
        host.cpus(),
        host.kernel(),
        host.kvm(),
        host.load());
    peer.ifPresent(
        other ->
            out.printf(
                "Ballast %s beside %s %s%n", ballast.version(), other.name(), other.version()));
    List<ScenarioResult> results = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    for (Scenario scenario : scenarios) {
      out.printf("%n%s: %s%n", scenario.name(), scenario.description());
      try {
        results.add(run(scenario, repeat));
      } catch (IOException e) {
        failures.add(scenario.name() + ": " + e.getMessage());
        out.println("  failed: " + e.getMessage());
      }
    }
    return new BenchReport(
        started,
        host,
        ballast.version(),
        peer.map(other -> new BenchReport.Peer(other.name(), other.version())),
        results,
        failures,
        BitmapScaling.measure());
  }

  private ScenarioResult run(Scenario scenario, int repeat)
      throws IOException, InterruptedException {
    List<Contestant> contestants = new ArrayList<>(List.of(ballast));
    peer.ifPresent(contestants::add);
    for (Contestant contestant : contestants) {
      measure(scenario.small(), contestant, Setting.SINGLE);
    }
    List<Side> sides = new ArrayList<>();
    List<Double> limits = new ArrayList<>();
    for (Contestant contestant : contestants) {
      sides.add(tryAll(scenario, contestant));
    }
    addLimit(scenario, limits);
    for (int round = 1; round < repeat; round++) {
      for (int i = 0; i < contestants.size(); i++) {
        // The order changes from round to round: what one leaves behind meets both.
        int turn = round % 2 == 0 ? i : contestants.size() - 1 - i;
        sides.set(turn, again(scenario, contestants.get(turn), sides.get(turn)));
      }
      addLimit(scenario, limits);
    }
    return new ScenarioResult(
        scenario,
        sides.getFirst(),
        sides.stream().skip(1).findFirst(),
        limits.isEmpty()
            ? OptionalDouble.empty()
            : OptionalDouble.of(Statistics.of(limits).median()));
  }

  private void addLimit(Scenario scenario, List<Double> limits)
      throws IOException, InterruptedException {
    if (scenario.physicalLimit()) {
      limits.add(socketLimit());
    }
  }

  /** Measures with each setting once and keeps the best. */
  private Side tryAll(Scenario scenario, Contestant contestant)
      throws IOException, InterruptedException {
    Metric metric = scenario.targets().getFirst().metric();
    List<Side> tried = new ArrayList<>();
    for (Setting setting : SETTINGS) {
      Optional<Measurement> measurement = measure(scenario, contestant, setting);
      measurement.ifPresent(
          m -> {
            say(contestant, setting, m);
            tried.add(new Side(contestant.name(), setting, 1, List.of(m)));
          });
    }
    Side best =
        tried.stream()
            .min(Comparator.comparingDouble(side -> side.statistics(metric).median()))
            .orElseThrow();
    return new Side(best.name(), best.setting(), tried.size(), best.measurements());
  }

  private Side again(Scenario scenario, Contestant contestant, Side side)
      throws IOException, InterruptedException {
    Measurement measurement = measure(scenario, contestant, side.setting()).orElseThrow();
    say(contestant, side.setting(), measurement);
    List<Measurement> all = new ArrayList<>(side.measurements());
    all.add(measurement);
    return new Side(side.name(), side.setting(), side.tried(), all);
  }

  private Optional<Measurement> measure(Scenario scenario, Contestant contestant, Setting setting)
      throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("ballast-bench");
    try {
      Path kernel = BareGuest.writeTo(directory.resolve("bare.elf"));
      return new MigrationRun(directory, kernel, contestant).run(scenario, setting);
    } finally {
      delete(directory);
    }
  }

  private double socketLimit() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("ballast-bench");
    try {
      double limit = SocketLimit.bytesPerSecond(directory);
      out.printf(Locale.ROOT, "  a plain copy through a socket: %s/s%n", Figures.bytes(limit));
      return limit;
    } finally {
      delete(directory);
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }

  private void say(Contestant contestant, Setting setting, Measurement measurement) {
    String figures =
        measurement
            .failure()
            .orElseGet(
                () ->
                    Figures.of(measurement.totalMillis(), Metric.TIME)
                        + ", downtime "
                        + Figures.of(measurement.downtimeMillis(), Metric.DOWNTIME));
    out.printf(
        "  %-8s %-20s %s, %s sent, destination RSS %s%n",
        contestant.name(),
        setting.label(),
        figures,
        Figures.bytes(measurement.transferredBytes()),
        Figures.bytes(measurement.rssBytes()));
    out.flush();
  }
}
