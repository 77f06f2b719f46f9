package dev.ballast.tools.bench;

import dev.ballast.tools.bench.Target.Limit;
import dev.ballast.tools.bench.Target.Peer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * One line of the report: a figure, and whether it reached its target.
 *
 * @param name of the scenario, with {@code /} and the figure's name in all rows but the first
 * @param target what was to be reached
 * @param ballast Ballast's figure
 * @param peer the other VMM's; empty without one
 * @param ratio Ballast's median to the reference's; empty where there is none
 */
public record Row(
    String name,
    Target target,
    Statistics ballast,
    Optional<Statistics> peer,
    OptionalDouble ratio) {

  /** Returns the rows of a scenario, one for each of its targets. */
  static List<Row> of(Scenario scenario, Side ballast, Optional<Side> peer) {
    List<Row> rows = new ArrayList<>();
    for (Target target : scenario.targets()) {
      Metric metric = target.metric();
      Optional<Statistics> peers = peer.map(side -> side.statistics(metric));
      rows.add(of(name(scenario, target, rows), target, ballast.statistics(metric), peers));
    }
    return rows;
  }

  /** Returns the row of one target. */
  static Row of(String name, Target target, Statistics ballast, Optional<Statistics> peer) {
    OptionalDouble ratio =
        switch (target.reference()) {
          case Peer() -> peer.map(ballast::ratioTo).orElse(OptionalDouble.empty());
          case Limit(double limit) -> ballast.ratioTo(new Statistics(limit, limit, limit, 1));
        };
    return new Row(name, target, ballast, peer, ratio);
  }

  private static String name(Scenario scenario, Target target, List<Row> before) {
    if (before.isEmpty()) {
      return scenario.name();
    }
    return scenario.name()
        + "/"
        + switch (target.reference()) {
          case Peer() -> target.metric().label();
          case Limit(double _) -> "limit";
        };
  }

  /** Returns whether the ratio meets the target; empty without a ratio. */
  public Optional<Boolean> met() {
    return ratio.isPresent() ? Optional.of(target.isMetBy(ratio.getAsDouble())) : Optional.empty();
  }
}
