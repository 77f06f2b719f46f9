package dev.ballast.tools.bench;

import dev.ballast.tools.bench.Target.Baseline;
import dev.ballast.tools.bench.Target.Limit;
import dev.ballast.tools.bench.Target.Own;
import dev.ballast.tools.bench.Target.Peer;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * One line of the report: a figure, and whether it reached its target.
 *
 * @param name of the scenario, with {@code /} and the figure's name in all rows but the first
 * @param target what was to be reached
 * @param ballast Ballast's figure
 * @param beside the figure that stands beside it; empty where there is none
 */
public record Row(String name, Target target, Statistics ballast, Optional<Beside> beside) {
  /**
   * A figure beside Ballast's.
   *
   * @param name whose it is
   * @param statistics the figure, in the same unit
   */
  public record Beside(String name, Statistics statistics) {}

  /** Returns Ballast's median divided by the reference's; empty where there is none. */
  public OptionalDouble ratio() {
    if (target.reference() instanceof Limit(double limit)) {
      return ballast.ratioTo(limit);
    }
    double allowance = target.reference() instanceof Peer(double more) ? more : 0;
    return beside.isPresent()
        ? ballast.ratioTo(beside.get().statistics.median() + allowance)
        : OptionalDouble.empty();
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
    OptionalDouble ratio = ratio();
    return ratio.isPresent() ? Optional.of(target.isMetBy(ratio.getAsDouble())) : Optional.empty();
  }
}
