package dev.ballast.tools.bench;

import static dev.ballast.tools.bench.GuestPlan.GIB;
import static dev.ballast.tools.bench.GuestPlan.MIB;
import static dev.ballast.tools.bench.GuestPlan.TIB;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * One thing that is measured: a guest that is moved once.
 *
 * @param name what it is called on the command line and in reports
 * @param description one line for people
 * @param guest what the guest does
 * @param peerGuest what it does under the other VMM; the same but where that takes too long
 * @param targets what Ballast is to reach, the most important first
 * @param patience how long a migration may take; one whose guest goes on to write counts as one
 *     that does not converge then
 * @param physicalLimit whether a plain copy through a socket is measured beside it
 * @param note what to know when reading the figures; empty for nothing
 */
public record Scenario(
    String name,
    String description,
    GuestPlan guest,
    GuestPlan peerGuest,
    List<Target> targets,
    Duration patience,
    boolean physicalLimit,
    String note) {
  /** How long a guest may stand still at the end of a migration, in milliseconds. */
  public static final long DOWNTIME_LIMIT_MILLIS = 300;

  private static final Duration LONG = Duration.ofMinutes(10);
  private static final Duration CONVERGENCE = Duration.ofSeconds(30);

  /** Keeps a copy of the targets. */
  public Scenario {
    targets = List.copyOf(targets);
  }

  /** Returns all scenarios in the order in which they run. */
  public static List<Scenario> all() {
    List<Scenario> all = new ArrayList<>(List.of(ballooned(), idle(), touched(), returned()));
    Stream.of(100, 400, 1000).map(Scenario::dirtying).forEach(all::add);
    return List.copyOf(all);
  }

  private static Scenario ballooned() {
    return new Scenario(
        "idle-1T-ballooned",
        "1 TiB, 90 % of it in the balloon, idle",
        GuestPlan.untouched(TIB).ballooning(TIB / 10 * 9 / (2 * MIB) * (2 * MIB)),
        GuestPlan.untouched(TIB),
        List.of(Target.toPeer(Metric.TIME, 1 / 50.0), Target.toPeer(Metric.BYTES, 1 / 500.0)),
        LONG,
        false,
        "The peer's guest has the same untouched memory, but not in the balloon: the peer keeps no"
            + " record of it, so it would move no faster, and to take in 900 GiB it would need"
            + " twenty minutes.");
  }

  private static Scenario idle() {
    GuestPlan guest = GuestPlan.untouched(64 * GIB);
    return new Scenario(
        "idle-64G",
        "64 GiB that were never touched, no balloon",
        guest,
        guest,
        List.of(Target.toPeer(Metric.TIME, 1 / 20.0)),
        LONG,
        false,
        "");
  }

  private static Scenario touched() {
    GuestPlan guest = GuestPlan.untouched(8 * GIB).filling(4 * GIB, 4 * GIB);
    return new Scenario(
        "touched",
        "8 GiB, 4 GiB of it filled with what looks random",
        guest,
        guest,
        List.of(Target.toPeer(Metric.TIME, 0.8), Target.toPeer(Metric.BYTES, 1.01)),
        LONG,
        true,
        "");
  }

  private static Scenario returned() {
    GuestPlan guest = GuestPlan.untouched(8 * GIB).filling(0, 16 * GIB).ballooning(6 * GIB);
    return new Scenario(
        "touched-then-ballooned",
        "8 GiB that were all filled, 6 GiB of it then given to the balloon",
        guest,
        guest,
        List.of(Target.toPeer(Metric.TIME, 0.5), Target.toPeer(Metric.RSS, 1)),
        LONG,
        false,
        "");
  }

  private static Scenario dirtying(int megabytesPerSecond) {
    GuestPlan guest =
        GuestPlan.untouched(4 * GIB)
            .filling(512 * MIB, GIB)
            .dirtying(megabytesPerSecond * 1_000_000L);
    return new Scenario(
        "dirtying-" + megabytesPerSecond,
        "4 GiB, the guest goes on to write " + megabytesPerSecond + " MB/s all over 1 GiB of it",
        guest,
        guest,
        List.of(
            Target.toPeer(Metric.DOWNTIME, 1),
            Target.toLimit(Metric.DOWNTIME, DOWNTIME_LIMIT_MILLIS)),
        CONVERGENCE,
        false,
        "The downtime limit is %d ms. A migration that is not over after %d s does not converge: its"
                .formatted(DOWNTIME_LIMIT_MILLIS, CONVERGENCE.toSeconds())
            + " time and downtime count as infinite.");
  }

  /** Returns this with a guest that is small, for a warm-up. */
  Scenario small() {
    return new Scenario(
        name,
        description,
        guest.small(),
        peerGuest.small(),
        targets,
        patience,
        physicalLimit,
        note);
  }
}
