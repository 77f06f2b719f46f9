package dev.ballast.tools.bench;

import dev.ballast.tools.bench.Entrant.Attempt;
import dev.ballast.tools.bench.Entrant.Trial;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Who takes part in a scenario of whatever kind, and how each is measured. */
final class Entrants {
  private Entrants() {}

  /** What gives exactly one measurement. */
  @FunctionalInterface
  private interface Single {
    Measurement run(Workspace workspace) throws IOException, InterruptedException;
  }

  /** Returns a VMM. */
  static Entrant of(Contestant contestant, Scenario scenario) {
    List<Attempt> attempts =
        switch (scenario) {
          case MigrationScenario migration ->
              Stream.of(Setting.SINGLE, Setting.MULTIFD)
                  .map(setting -> new Attempt(setting, trial(contestant, migration, setting)))
                  .toList();
          case SecondHopScenario hops ->
              one(Setting.SINGLE, workspace -> new SecondHopRun(workspace, contestant).run(hops));
          case CompressionScenario compression ->
              Stream.of("lz4", "zstd")
                  .map(variant -> new Setting(Setting.MULTIFD.streams(), variant))
                  .map(setting -> new Attempt(setting, trial(contestant, compression, setting)))
                  .toList();
          case StartScenario start ->
              one(Setting.ONLY, workspace -> new StartRun(workspace, contestant).run(start));
          case ExitsScenario exits ->
              one(Setting.ONLY, workspace -> new ExitsRun(workspace).run(exits, contestant));
          case InflateScenario inflate ->
              one(Setting.ONLY, workspace -> new InflateRun(workspace, contestant).run(inflate));
          case OverheadScenario overhead ->
              one(Setting.ONLY, workspace -> new OverheadRun(workspace, contestant).run(overhead));
        };
    return new Entrant(contestant.name(), attempts);
  }

  private static Trial trial(Contestant contestant, MigrationScenario scenario, Setting setting) {
    return workspace -> new MigrationRun(workspace, contestant).run(scenario, setting);
  }

  private static Trial trial(Contestant contestant, CompressionScenario scenario, Setting setting) {
    return workspace -> new CompressionRun(workspace, contestant).run(scenario, setting);
  }

  private static List<Attempt> one(Setting setting, Single single) {
    return List.of(new Attempt(setting, workspace -> Optional.of(single.run(workspace))));
  }

  /**
   * Returns the C program that a scenario asks for.
   *
   * @param scenario one that does
   * @param ballast what Ballast reached: the program moves as many bytes over as many streams
   */
  static Entrant inC(Scenario scenario, Side ballast) {
    return switch (scenario) {
      case MigrationScenario _ -> {
        int streams = Math.max(1, ballast.setting().streams());
        // Each stream moves whole huge pages.
        long unit = 2 * GuestPlan.MIB * streams;
        long sent = (long) ballast.statistics(Metric.BYTES).median();
        long bytes = Math.max(1, sent / unit) * unit;
        yield new Entrant(
            "C pair",
            List.of(
                copy(bytes, streams, false, "faults"), copy(bytes, streams, true, "populates")));
      }
      case ExitsScenario exits ->
          new Entrant(
              "C loop", one(Setting.ONLY, workspace -> new ExitsRun(workspace).runInC(exits)));
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
        new Setting(streams, variant),
        workspace -> {
          Yardstick yardstick = Yardstick.unpack(workspace.directory());
          double bandwidth =
              yardstick.streamBytesPerSecond(bytes, streams, populate, workspace.warm());
          return Optional.of(Measurement.of(Metric.BANDWIDTH, bandwidth));
        });
  }
}
