package dev.ballast.tools.bench;

import dev.ballast.tools.bench.Subject.Attempt;
import dev.ballast.tools.bench.Subject.Trial;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Who takes part in a scenario of whatever kind, and how each is measured. */
final class Subjects {
  private Subjects() {}

  /** What gives exactly one measurement. */
  @FunctionalInterface
  private interface Single {
    Measurement run(Workspace workspace) throws IOException, InterruptedException;
  }

  /** Returns a VMM. */
  static Subject of(Vmm contestant, Scenario scenario) {
    List<Attempt> attempts =
        switch (scenario) {
          case MigrationScenario migration ->
              Stream.of(Variant.SINGLE, Variant.MULTIFD)
                  .map(setting -> new Attempt(setting, trial(contestant, migration, setting)))
                  .toList();
          case SecondHopScenario hops ->
              one(Variant.SINGLE, workspace -> new SecondHopRun(workspace, contestant).run(hops));
          case CompressionScenario compression ->
              Stream.of("lz4", "zstd")
                  .map(variant -> new Variant(Variant.MULTIFD.streams(), variant))
                  .map(setting -> new Attempt(setting, trial(contestant, compression, setting)))
                  .toList();
          case StartScenario start ->
              one(Variant.ONLY, workspace -> new StartRun(workspace, contestant).run(start));
          case ExitsScenario exits ->
              one(Variant.ONLY, workspace -> new ExitsRun(workspace).run(exits, contestant));
          case InflateScenario inflate ->
              one(Variant.ONLY, workspace -> new InflateRun(workspace, contestant).run(inflate));
          case OverheadScenario overhead ->
              one(Variant.ONLY, workspace -> new OverheadRun(workspace, contestant).run(overhead));
        };
    return new Subject(contestant.name(), attempts);
  }

  private static Trial trial(Vmm contestant, MigrationScenario scenario, Variant setting) {
    return workspace -> new MigrationRun(workspace, contestant).run(scenario, setting);
  }

  private static Trial trial(Vmm contestant, CompressionScenario scenario, Variant setting) {
    return workspace -> new CompressionRun(workspace, contestant).run(scenario, setting);
  }

  private static List<Attempt> one(Variant setting, Single single) {
    return List.of(new Attempt(setting, workspace -> Optional.of(single.run(workspace))));
  }

  /**
   * Returns the C program that a scenario asks for.
   *
   * @param scenario one that does
   * @param ballast what Ballast reached: the program moves as many bytes over as many streams
   */
  static Subject inC(Scenario scenario, SubjectResult ballast) {
    return switch (scenario) {
      case MigrationScenario _ -> {
        int streams = Math.max(1, ballast.setting().streams());
        // Each stream moves whole huge pages.
        long unit = 2 * GuestPlan.MIB * streams;
        long sent = (long) ballast.statistics(Metric.BYTES).median();
        long bytes = Math.max(1, sent / unit) * unit;
        yield new Subject(
            "C pair",
            List.of(
                copy(bytes, streams, false, "faults"), copy(bytes, streams, true, "populates")));
      }
      case ExitsScenario exits ->
          new Subject(
              "C loop", one(Variant.ONLY, workspace -> new ExitsRun(workspace).runInC(exits)));
      case SecondHopScenario _,
          CompressionScenario _,
          StartScenario _,
          InflateScenario _,
          OverheadScenario _ ->
          throw new IllegalArgumentException(scenario.name() + " has nothing in C beside it");
    };
  }

  private static Attempt copy(long bytes, int streams, boolean populate, String variant) {
    return new Attempt(
        new Variant(streams, variant),
        workspace -> {
          NativeBaseline yardstick = NativeBaseline.unpack(workspace.directory());
          double bandwidth =
              yardstick.streamBytesPerSecond(bytes, streams, populate, workspace.warm());
          return Optional.of(Measurement.of(Metric.BANDWIDTH, bandwidth));
        });
  }
}
