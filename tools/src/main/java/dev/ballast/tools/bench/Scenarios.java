package dev.ballast.tools.bench;

import static dev.ballast.tools.bench.GuestPlan.GIB;
import static dev.ballast.tools.bench.GuestPlan.MIB;
import static dev.ballast.tools.bench.GuestPlan.TIB;

import dev.ballast.tools.bench.Scenario.Outline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The scenarios that there are, and their targets. */
public final class Scenarios {
  /** How long a guest may stand still at the end of a migration, in milliseconds. */
  static final long DOWNTIME_LIMIT_MILLIS = 300;

  private static final Duration LONG = Duration.ofMinutes(10);
  private static final Duration CONVERGENCE = Duration.ofSeconds(30);

  /** Past the end of 8 GiB of RAM, wherever the board puts them. */
  private static final long ALL = 16 * GIB;

  /** 1 KiB. */
  private static final int COMPRESSIBLE_WORDS = 128;

  private Scenarios() {}

  /** Returns all scenarios in the order in which they run. */
  public static List<Scenario> all() {
    List<Scenario> all =
        new ArrayList<>(List.of(start(), exits(), inflate(), overhead(), idle(), touched()));
    Stream.of(100, 400, 1000).map(Scenarios::dirtying).forEach(all::add);
    all.addAll(List.of(returned(), secondHop(), compressed(), ballooned()));
    return List.copyOf(all);
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
        LONG);
  }

  /** Returns the one that takes the least time. */
  static Scenario idle() {
    GuestPlan guest = GuestPlan.untouched(64 * GIB);
    return new MigrationScenario(
        new Outline(
            "idle-64G",
            "64 GiB that were never touched, no balloon",
            List.of(Target.toPeer(Metric.TIME, 1 / 20.0)),
            ""),
        guest,
        guest,
        LONG);
  }

  private static Scenario touched() {
    GuestPlan guest = GuestPlan.untouched(8 * GIB).filling(4 * GIB, 4 * GIB);
    return new MigrationScenario(
        new Outline(
            "touched",
            "8 GiB, 4 GiB of it filled with what looks random",
            List.of(
                Target.toPeer(Metric.TIME, 0.8),
                Target.toPeer(Metric.BYTES, 1.01),
                Target.toC(Metric.BANDWIDTH, 0.85)),
            "The C program moves 4 GiB between two processes over as many sockets of the same kind,"
                + " into memory that was never touched; with and without populating it in bulk,"
                + " whichever is faster."),
        guest,
        guest,
        LONG);
  }

  private static GuestPlan touchedThenBallooned() {
    return GuestPlan.untouched(8 * GIB).filling(0, ALL).ballooning(6 * GIB);
  }

  private static Scenario returned() {
    return new MigrationScenario(
        new Outline(
            "touched-then-ballooned",
            "8 GiB that were all filled, 6 GiB of it then given to the balloon",
            List.of(Target.toPeer(Metric.TIME, 0.5), Target.toPeer(Metric.RSS, 1)),
            ""),
        touchedThenBallooned(),
        touchedThenBallooned(),
        LONG);
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

  private static Scenario secondHop() {
    return new SecondHopScenario(
        new Outline(
            "second-hop",
            "the guest of touched-then-ballooned, moved on from where it arrived to a third process",
            List.of(Target.toOwn(Metric.TIME, 1.1, Metric.FIRST_TIME)),
            "The second migration beside the first one of the same guest, both over one stream."),
        touchedThenBallooned(),
        LONG);
  }

  private static Scenario compressed() {
    GuestPlan guest =
        GuestPlan.untouched(2 * GIB).filling(new GuestPlan.Fill(GIB, GIB / 2, COMPRESSIBLE_WORDS));
    return new CompressionScenario(
        new Outline(
            "touched-compressed",
            "2 GiB, 512 MiB of it filled with what repeats, over a link of 100 MB/s, compressed",
            List.of(
                Target.toOwn(Metric.TIME, 0.5, Metric.PLAIN_TIME), Target.toPeer(Metric.TIME, 1)),
            "Each page is 1 KiB of what looks random, four times. multifd with two channels; the better"
                + " of lz4 and zstd that there are."),
        guest,
        100_000_000,
        LONG);
  }

  private static Scenario start() {
    return new StartScenario(
        new Outline(
            "start",
            "from the start of the process to the guest's first byte on its serial line",
            List.of(Target.toPeer(Metric.START, 1)),
            "256 MiB, one CPU, a QMP socket and a balloon, as in the other scenarios."),
        256 * MIB);
  }

  private static Scenario exits() {
    return new ExitsScenario(
        new Outline(
            "exits",
            "reads of an I/O port and of a register in memory, a round trip out of the guest each",
            List.of(Target.toC(Metric.PIO, 0.95), Target.toC(Metric.MMIO, 0.95)),
            "The same guest runs under Ballast, with its serial port and its balloon's registers,"
                + " and under a loop around KVM_RUN in C that answers at once."),
        256 * MIB,
        150_000,
        40_000);
  }

  private static Scenario inflate() {
    return new InflateScenario(
        new Outline(
            "inflate",
            "2 GiB that were all filled, 1.5 GiB of it given to the balloon at once",
            List.of(Target.toPeer(Metric.INFLATE, 1.2)),
            "The guest names 1024 pages of 4 KiB a descriptor and 32 descriptors a notification."),
        2 * GIB,
        GIB / 2 * 3);
  }

  private static Scenario overhead() {
    return new OverheadScenario(
        new Outline(
            "overhead",
            "resident memory of the process without the guest's RAM",
            List.of(
                Target.toPeerPlus(Metric.OVERHEAD, 40.0 * MIB),
                Target.toPeerPlus(Metric.OVERHEAD_TIB, 40.0 * MIB)),
            "Guests of 1 GiB and of 1 TiB that do nothing. Libraries count, which other processes may"
                + " share."),
        GIB,
        TIB);
  }
}
