package dev.ballast.tools.bench;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;

/** Reports with made-up figures. */
public final class BenchFixtures {
  private BenchFixtures() {}

  static Scenario scenario(String name) {
    return Scenario.all().stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
  }

  static Measurement measurement(double totalMillis) {
    List<Measurement.Sample> timeline =
        List.of(
            new Measurement.Sample(1, 0, 1 << 30, 0, 1),
            new Measurement.Sample(totalMillis / 2, 1 << 29, 1 << 29, 1e8, 2),
            new Measurement.Sample(totalMillis, 1 << 30, 0, 1e8, 3));
    return new Measurement(Optional.empty(), totalMillis, 1 << 30, 25, 1 << 28, timeline);
  }

  static Measurement neverEnding() {
    return new Measurement(
        Optional.of("not over after 30 s"),
        30_000,
        1L << 33,
        Double.POSITIVE_INFINITY,
        1,
        List.of());
  }

  static Side side(String name, double... totalMillis) {
    return new Side(
        name,
        Setting.SINGLE,
        2,
        DoubleStream.of(totalMillis).mapToObj(BenchFixtures::measurement).toList());
  }

  static BenchReport report(Optional<BenchReport.Peer> peer, ScenarioResult... results) {
    return new BenchReport(
        Instant.EPOCH,
        new HostFacts("Linux 6", "a <fast> processor", 2, 1L << 34, "pagetable", 0.5),
        "1.0",
        peer,
        List.of(results),
        List.of(),
        new BitmapScaling(
            List.of(
                new BitmapScaling.Point(1L << 30, 0.02),
                new BitmapScaling.Point(1L << 32, 0.08),
                new BitmapScaling.Point(1L << 40, 20.48))));
  }

  /** Returns a report of every scenario, one of which never ended under the other VMM. */
  public static BenchReport withEverything() {
    ScenarioResult[] results =
        Scenario.all().stream()
            .map(
                s ->
                    new ScenarioResult(
                        s,
                        side("Ballast", 400, 500, 700),
                        Optional.of(
                            s.name().equals("dirtying-1000")
                                ? new Side("QEMU", Setting.MULTIFD, 2, List.of(neverEnding()))
                                : side("QEMU", 4000, 5000, 7000)),
                        s.physicalLimit() ? OptionalDouble.of(4e9) : OptionalDouble.empty()))
            .toArray(ScenarioResult[]::new);
    return report(Optional.of(new BenchReport.Peer("QEMU", "7.2 & <later>")), results);
  }

  /** Returns a report of one scenario without another VMM. */
  public static BenchReport withoutPeer() {
    return report(
        Optional.empty(),
        new ScenarioResult(
            scenario("idle-64G"), side("Ballast", 10), Optional.empty(), OptionalDouble.empty()));
  }
}
