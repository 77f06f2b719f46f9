package dev.ballast.tools.bench;

import dev.ballast.tools.bench.Target.Baseline;
import dev.ballast.tools.bench.Target.Limit;
import dev.ballast.tools.bench.Target.Own;
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
 * @param beside the figure that stands beside it; empty where there is none
 * @param ratio Ballast's median to the reference's; empty where there is none
 */
public record Row(
    String name, Target target, Statistics ballast, Optional<Beside> beside, OptionalDouble ratio) {

  /**
   * A figure that Ballast's is seen with.
   *
   * @param name whose it is
   * @param statistics the figure, in the same unit
   */
  public record Beside(String name, Statistics statistics) {}

  /** Returns the rows of a scenario, one for each of its targets. */
  static List<Row> of(ScenarioResult result) {
    List<Row> rows = new ArrayList<>();
    for (Target target : result.scenario().targets()) {
      String name = result.scenario().name() + (rows.isEmpty() ? "" : "/" + suffix(target));
      rows.add(
          of(name, target, result.ballast().statistics(target.metric()), beside(target, result)));
    }
    return rows;
  }

  /** Returns the row of one target. */
  static Row of(String name, Target target, Statistics ballast, Optional<Beside> beside) {
    Target.Reference reference = target.reference();
    OptionalDouble ratio = OptionalDouble.empty();
    if (reference instanceof Limit(double limit)) {
      ratio = ballast.ratioTo(limit);
    } else if (beside.isPresent()) {
      ratio = ballast.ratioTo(beside.get().statistics.median() + reference.allowance());
    }
    return new Row(name, target, ballast, beside, ratio);
  }

  private static Optional<Beside> beside(Target target, ScenarioResult result) {
    return switch (target.reference()) {
      case Peer _, Limit _ -> beside(result.peer(), target.metric());
      case Baseline _ -> beside(result.baseline(), target.metric());
      case Own(Metric own) ->
          Optional.of(new Beside(own.label(), result.ballast().statistics(own)));
    };
  }

  private static Optional<Beside> beside(Optional<SubjectResult> result, Metric metric) {
    return result.map(r -> new Beside(r.name(), r.statistics(metric)));
  }

  private static String suffix(Target target) {
    return target.reference() instanceof Limit ? "limit" : target.metric().label();
  }

  /** Returns what the ratio is to, in words. */
  public String reference() {
    return switch (target.reference()) {
      case Peer(double allowance) ->
          beside.map(Beside::name).orElse("peer")
              + (allowance > 0 ? " + " + Figures.of(allowance, target.metric()) : "");
      case Baseline _ -> beside.map(Beside::name).orElse("C");
      case Own(Metric own) -> own.label();
      case Limit(double limit) -> Figures.of(limit, target.metric());
    };
  }

  /** Returns whether the ratio is simply to the other VMM's figure. */
  public boolean isPlain() {
    return target.reference() instanceof Peer(double allowance) && allowance == 0;
  }

  /** Returns whether the ratio meets the target; empty without a ratio. */
  public Optional<Boolean> met() {
    return ratio.isPresent() ? Optional.of(target.isMetBy(ratio.getAsDouble())) : Optional.empty();
  }
}
