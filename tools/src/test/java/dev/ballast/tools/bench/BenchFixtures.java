package dev.ballast.tools.bench;

import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.DoubleStream;

/** Reports with made-up figures. */
public final class BenchFixtures {
  private static final BenchReport.Peer QEMU = new BenchReport.Peer("QEMU", "7.2 & <later>");

  private BenchFixtures() {}

  static Scenario scenario(String name) {
    return Scenarios.all().stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
  }

  static Measurement migration(double totalMillis) {
    List<Measurement.Sample> timeline =
        List.of(
            new Measurement.Sample(1, 0, 1 << 30, 0, 1),
            new Measurement.Sample(totalMillis / 2, 1 << 29, 1 << 29, 1e8, 2),
            new Measurement.Sample(totalMillis, 1 << 30, 0, 1e8, 3));
    return Measurement.ofMigration(Optional.empty(), totalMillis, 1 << 30, 25, 1 << 28, timeline);
  }

  static Measurement neverEnding() {
    return Measurement.ofMigration(
        Optional.of("not over after 30 s"), 0, 1L << 33, 0, 1, List.of());
  }

  /** Returns a part in a migration. */
  static SubjectResult side(String name, double... totalMillis) {
    return new SubjectResult(
        name,
        Variant.SINGLE,
        DoubleStream.of(totalMillis).mapToObj(BenchFixtures::migration).toList());
  }

  /** Returns a part with all that the scenario asks for; times and sizes are {@code scale} each. */
  private static SubjectResult side(String name, Scenario scenario, double scale) {
    return switch (scenario.experiment()) {
      case MigrationExperiment _ -> side(name, 0.8 * scale, scale, 1.4 * scale);
      case SecondHopExperiment _ ->
          new SubjectResult(
              name, Variant.SINGLE, List.of(migration(scale).with(Metric.FIRST_TIME, scale)));
      case CompressionExperiment _ ->
          new SubjectResult(
              name,
              new Variant(2, "zstd"),
              List.of(migration(scale).with(Metric.PLAIN_TIME, 4 * scale)));
      default -> {
        Map<Metric, Double> values = new EnumMap<>(Metric.class);
        for (Target target : scenario.targets()) {
          values.put(
              target.metric(), target.metric().moreIsBetter() ? 1e9 / scale : scale * (1 << 20));
        }
        yield new SubjectResult(name, Variant.ONLY, List.of(Measurement.of(values)));
      }
    };
  }

  private static SubjectResult baseline(Scenario scenario) {
    return scenario.experiment() instanceof MigrationExperiment
        ? new SubjectResult(
            "C pair", new Variant(1, "populates"), List.of(Measurement.of(Metric.BANDWIDTH, 4e9)))
        : side("C loop", scenario, 490);
  }

  static BenchReport report(Optional<BenchReport.Peer> peer, ScenarioResult... results) {
    return new BenchReport(
        Instant.EPOCH,
        Duration.ofSeconds(754),
        new HostFacts("Linux 6", "a <fast> processor", 2, 1L << 34, "pagetable", 0.5),
        "1.0",
        peer,
        List.of(results),
        List.of(),
        7e9,
        20L << 30,
        new BitmapScaling(
            List.of(
                new BitmapScaling.Point(1L << 30, 0.02),
                new BitmapScaling.Point(1L << 32, 0.08),
                new BitmapScaling.Point(1L << 40, 20.48))));
  }

  /** Returns what came out of a scenario with all who take part in it. */
  static ScenarioResult result(Scenario scenario) {
    SubjectResult peer =
        scenario.name().equals("dirtying-1000")
            ? new SubjectResult("QEMU", Variant.MULTIFD, List.of(neverEnding()))
            : side("QEMU", scenario, 5000);
    return new ScenarioResult(
        scenario,
        side("Ballast", scenario, 500),
        scenario.comparesWith(Target.Peer.class) ? Optional.of(peer) : Optional.empty(),
        scenario.comparesWith(Target.Baseline.class)
            ? Optional.of(baseline(scenario))
            : Optional.empty());
  }

  /** Returns a report of every scenario, one of which never ended under the other VMM. */
  public static BenchReport withEverything() {
    return report(
        Optional.of(QEMU),
        Scenarios.all().stream().map(BenchFixtures::result).toArray(ScenarioResult[]::new));
  }

  /** Returns a report of one scenario without another VMM. */
  public static BenchReport withoutPeer() {
    return report(
        Optional.empty(),
        new ScenarioResult(
            scenario("idle-64G"), side("Ballast", 10), Optional.empty(), Optional.empty()));
  }
}
