package dev.ballast.tools.bench;

import static dev.ballast.tools.bench.GuestPlan.GIB;
import static dev.ballast.tools.bench.GuestPlan.MIB;
import static dev.ballast.tools.bench.GuestPlan.TIB;
import static dev.ballast.tools.bench.MigrationTrial.DOWNTIME_LIMIT_MILLIS;

import dev.ballast.tools.bench.GuestPlan.Fill;
import dev.ballast.tools.bench.Target.Baseline;
import dev.ballast.tools.bench.Target.Limit;
import dev.ballast.tools.bench.Target.Own;
import dev.ballast.tools.bench.Target.Peer;
import java.time.Duration;
import java.util.List;

/** The list of scenarios. */
public final class Scenarios {
  private static final Duration CONVERGENCE = Duration.ofSeconds(30);

  /** 8 GiB that are all filled, up to past the end of RAM, and of which 2 GiB are left. */
  private static final GuestPlan RETURNED =
      GuestPlan.untouched(8 * GIB).filling(Fill.random(0, 16 * GIB)).ballooning(6 * GIB);

  private Scenarios() {}

  /** Returns all scenarios in the order in which they run. */
  public static List<Scenario> all() {
    return List.of(
        start(),
        exits(),
        inflate(),
        overhead(),
        idle(),
        touched(),
        dirtying(100),
        dirtying(400),
        dirtying(1000),
        returned(),
        secondHop(),
        compressed(),
        ballooned());
  }

  private static Scenario start() {
    return new Scenario(
        "start",
        "from the start of the process to the guest's first byte on its serial line",
        List.of(Target.toPeer(Metric.START, 1)),
        "256 MiB, one CPU, a QMP socket and a balloon, as in the other scenarios.",
        new StartExperiment());
  }

  private static Scenario exits() {
    return new Scenario(
        "exits",
        "reads of an I/O port and of a register in memory, a round trip out of the guest each",
        List.of(
            new Target(Metric.PIO, 0.95, new Baseline()),
            new Target(Metric.MMIO, 0.95, new Baseline())),
        "The same guest runs under Ballast, with its serial port and its balloon's registers,"
            + " and under a loop around KVM_RUN in C that answers at once.",
        new ExitsExperiment(150_000, 40_000));
  }

  private static Scenario inflate() {
    return new Scenario(
        "inflate",
        "2 GiB that were all filled, 1.5 GiB of it given to the balloon at once",
        List.of(Target.toPeer(Metric.INFLATE, 1.2)),
        "The guest names 1024 pages of 4 KiB a descriptor and 32 descriptors a notification.",
        new InflateExperiment(2 * GIB, GIB / 2 * 3));
  }

  private static Scenario overhead() {
    Peer more = new Peer(40.0 * MIB);
    return new Scenario(
        "overhead",
        "resident memory of the process without the guest's RAM",
        List.of(new Target(Metric.OVERHEAD, 1, more), new Target(Metric.OVERHEAD_TIB, 1, more)),
        "Guests of 1 GiB and of 1 TiB that do nothing. Libraries count, which other processes may"
            + " share.",
        new OverheadExperiment(TIB));
  }

  private static Scenario idle() {
    return new Scenario(
        "idle-64G",
        "64 GiB that were never touched, no balloon",
        List.of(Target.toPeer(Metric.TIME, 1 / 20.0)),
        "",
        new MigrationExperiment(GuestPlan.untouched(64 * GIB)));
  }

  private static Scenario touched() {
    return new Scenario(
        "touched",
        "8 GiB, 4 GiB of it filled with what looks random",
        List.of(
            Target.toPeer(Metric.TIME, 0.8),
            Target.toPeer(Metric.BYTES, 1.01),
            new Target(Metric.BANDWIDTH, 0.85, new Baseline())),
        "The C program moves 4 GiB between two processes over as many sockets of the same kind,"
            + " into memory that was never touched; with and without populating it in bulk,"
            + " whichever is faster.",
        new MigrationExperiment(
            GuestPlan.untouched(8 * GIB).filling(Fill.random(4 * GIB, 4 * GIB))));
  }

  private static Scenario dirtying(int megabytesPerSecond) {
    GuestPlan guest =
        GuestPlan.untouched(4 * GIB)
            .filling(Fill.random(512 * MIB, GIB))
            .dirtying(megabytesPerSecond * 1_000_000L);
    return new Scenario(
        "dirtying-" + megabytesPerSecond,
        "4 GiB, the guest goes on to write " + megabytesPerSecond + " MB/s all over 1 GiB of it",
        List.of(
            Target.toPeer(Metric.DOWNTIME, 1),
            new Target(Metric.DOWNTIME, 1, new Limit(DOWNTIME_LIMIT_MILLIS))),
        "The downtime limit is %d ms. A migration that is not over after %d s does not converge: its"
                .formatted(DOWNTIME_LIMIT_MILLIS, CONVERGENCE.toSeconds())
            + " time and downtime count as infinite.",
        new MigrationExperiment(guest, guest, CONVERGENCE));
  }

  private static Scenario returned() {
    return new Scenario(
        "touched-then-ballooned",
        "8 GiB that were all filled, 6 GiB of it then given to the balloon",
        List.of(Target.toPeer(Metric.TIME, 0.5), Target.toPeer(Metric.RSS, 1)),
        "",
        new MigrationExperiment(RETURNED));
  }

  private static Scenario secondHop() {
    return new Scenario(
        "second-hop",
        "the guest of touched-then-ballooned, moved on from where it arrived to a third process",
        List.of(new Target(Metric.TIME, 1.1, new Own(Metric.FIRST_TIME))),
        "The second migration beside the first one of the same guest, both over one stream.",
        new SecondHopExperiment(RETURNED));
  }

  private static Scenario compressed() {
    Fill repeating = new Fill(GIB, GIB / 2, 1024 / Long.BYTES);
    return new Scenario(
        "touched-compressed",
        "2 GiB, 512 MiB of it filled with what repeats, over a link of 100 MB/s, compressed",
        List.of(
            new Target(Metric.TIME, 0.5, new Own(Metric.PLAIN_TIME)),
            Target.toPeer(Metric.TIME, 1)),
        "Each page is 1 KiB of what looks random, four times. multifd with two channels; the better"
            + " of lz4 and zstd that there are.",
        new CompressionExperiment(GuestPlan.untouched(2 * GIB).filling(repeating)));
  }

  private static Scenario ballooned() {
    return new Scenario(
        "idle-1T-ballooned",
        "1 TiB, 90 % of it in the balloon, idle",
        List.of(Target.toPeer(Metric.TIME, 1 / 50.0), Target.toPeer(Metric.BYTES, 1 / 500.0)),
        "The peer's guest has the same untouched memory, but not in the balloon: the peer keeps"
            + " no record of it, so it would move no faster, and to take in 900 GiB it would"
            + " need twenty minutes.",
        new MigrationExperiment(
            GuestPlan.untouched(TIB).ballooning(TIB / 10 * 9 / (2 * MIB) * (2 * MIB)),
            GuestPlan.untouched(TIB),
            MigrationTrial.PATIENCE));
  }
}
