package dev.ballast.tools.bench;

import static dev.ballast.tools.bench.GuestPlan.GIB;
import static dev.ballast.tools.bench.GuestPlan.MIB;
import static dev.ballast.tools.bench.GuestPlan.TIB;
import static dev.ballast.tools.bench.MigrationTrial.DOWNTIME_LIMIT_MILLIS;

import dev.ballast.tools.bench.Scenario.Outline;
import java.time.Duration;
import java.util.List;

/** The list of scenarios, and those that move a guest once. */
public final class Scenarios {
  private static final Duration CONVERGENCE = Duration.ofSeconds(30);

  /** Past the end of 8 GiB of RAM, wherever the board puts them. */
  private static final long ALL = 16 * GIB;

  private Scenarios() {}

  /** Returns all scenarios in the order in which they run. */
  public static List<Scenario> all() {
    return List.of(
        new StartScenario(),
        new ExitsScenario(),
        new InflateScenario(),
        new OverheadScenario(),
        idle(),
        touched(),
        dirtying(100),
        dirtying(400),
        dirtying(1000),
        returned(),
        new SecondHopScenario(),
        new CompressionScenario(),
        ballooned());
  }

  private static Scenario ballooned() {
    return new MigrationScenario(
        new Outline(
            "idle-1T-ballooned",
            "1 TiB, 90 % of it in the balloon, idle",
            List.of(Target.toPeer(Metric.TIME, 1 / 50.0), Target.toPeer(Metric.BYTES, 1 / 500.0)),
            "The peer's guest has the same untouched memory, but not in the balloon: the peer keeps"
                + " no record of it, so it would move no faster, and to take in 900 GiB it would"
                + " need twenty minutes."),
        GuestPlan.untouched(TIB).ballooning(TIB / 10 * 9 / (2 * MIB) * (2 * MIB)),
        GuestPlan.untouched(TIB),
        MigrationTrial.PATIENCE);
  }

  /** Returns the one that takes the least time. */
  static Scenario idle() {
    return new MigrationScenario(
        new Outline(
            "idle-64G",
            "64 GiB that were never touched, no balloon",
            List.of(Target.toPeer(Metric.TIME, 1 / 20.0)),
            ""),
        GuestPlan.untouched(64 * GIB));
  }

  private static Scenario touched() {
    return new MigrationScenario(
        new Outline(
            "touched",
            "8 GiB, 4 GiB of it filled with what looks random",
            List.of(
                Target.toPeer(Metric.TIME, 0.8),
                Target.toPeer(Metric.BYTES, 1.01),
                Target.toBaseline(Metric.BANDWIDTH, 0.85)),
            "The C program moves 4 GiB between two processes over as many sockets of the same kind,"
                + " into memory that was never touched; with and without populating it in bulk,"
                + " whichever is faster."),
        GuestPlan.untouched(8 * GIB).filling(4 * GIB, 4 * GIB));
  }

  static GuestPlan touchedThenBallooned() {
    return GuestPlan.untouched(8 * GIB).filling(0, ALL).ballooning(6 * GIB);
  }

  private static Scenario returned() {
    return new MigrationScenario(
        new Outline(
            "touched-then-ballooned",
            "8 GiB that were all filled, 6 GiB of it then given to the balloon",
            List.of(Target.toPeer(Metric.TIME, 0.5), Target.toPeer(Metric.RSS, 1)),
            ""),
        touchedThenBallooned());
  }

  private static Scenario dirtying(int megabytesPerSecond) {
    GuestPlan guest =
        GuestPlan.untouched(4 * GIB)
            .filling(512 * MIB, GIB)
            .dirtying(megabytesPerSecond * 1_000_000L);
    return new MigrationScenario(
        new Outline(
            "dirtying-" + megabytesPerSecond,
            "4 GiB, the guest goes on to write "
                + megabytesPerSecond
                + " MB/s all over 1 GiB of it",
            List.of(
                Target.toPeer(Metric.DOWNTIME, 1),
                Target.toLimit(Metric.DOWNTIME, DOWNTIME_LIMIT_MILLIS)),
            "The downtime limit is %d ms. A migration that is not over after %d s does not converge: its"
                    .formatted(DOWNTIME_LIMIT_MILLIS, CONVERGENCE.toSeconds())
                + " time and downtime count as infinite."),
        guest,
        guest,
        CONVERGENCE);
  }
}
