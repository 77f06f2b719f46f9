package dev.ballast.tools.bench;

import dev.ballast.tools.bench.Subject.Attempt;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** How one entrant stands while a scenario is under way. One thread. */
final class ScenarioRun {
  private static final Duration TOO_LONG_TO_TRY_MORE = Duration.ofMinutes(1);

  private final String name;
  private final MemoryWarmer warm;
  private final PrintStream out;
  private final Attempt best;
  private final int tried;
  private final List<Measurement> measurements = new ArrayList<>();
  private Duration took;
  private Duration spent = Duration.ZERO;

  /** An attempt that was made once. */
  private record Tried(Attempt attempt, Measurement measurement, Duration took) {}

  private ScenarioRun(String name, MemoryWarmer warm, PrintStream out, Tried best, int tried) {
    this.name = name;
    this.warm = warm;
    this.out = out;
    this.best = best.attempt;
    this.tried = tried;
    this.took = best.took;
    measurements.add(best.measurement);
  }

  /**
   * Makes each of an entrant's attempts once, and stays with the best.
   *
   * @param entrant who
   * @param metric by which figure
   * @param warm what keeps memory warm
   * @param out where to say what comes out
   * @throws IOException if one fails, or none can be made
   */
  static ScenarioRun first(Subject entrant, Metric metric, MemoryWarmer warm, PrintStream out)
      throws IOException, InterruptedException {
    List<Tried> all = new ArrayList<>();
    Duration longest = Duration.ZERO;
    for (Attempt attempt : entrant.attempts()) {
      // What takes minutes is not made to take twice as long for a setting.
      if (longest.compareTo(TOO_LONG_TO_TRY_MORE) < 0) {
        Optional<Tried> tried = attempt(entrant.name(), attempt, warm, out);
        longest = tried.map(Tried::took).orElse(longest);
        tried.ifPresent(all::add);
      }
    }
    Comparator<Tried> byMetric = Comparator.comparingDouble(once -> once.measurement.value(metric));
    Tried best =
        all.stream()
            .min(metric.moreIsBetter() ? byMetric.reversed() : byMetric)
            .orElseThrow(() -> new IOException(entrant.name() + " has none of the settings"));
    return new ScenarioRun(entrant.name(), warm, out, best, all.size());
  }

  private static Optional<Tried> attempt(
      String name, Attempt attempt, MemoryWarmer warm, PrintStream out)
      throws IOException, InterruptedException {
    long started = System.nanoTime();
    try (Workspace workspace = Workspace.create(warm)) {
      Optional<Measurement> measurement = attempt.trial().run(workspace);
      Duration took = Duration.ofNanos(System.nanoTime() - started);
      measurement.ifPresent(m -> say(name, attempt.setting(), m, out));
      return measurement.map(m -> new Tried(attempt, m, took));
    }
  }

  /** Measures once more, with the best setting, if the plan says so; returns whether it did. */
  boolean again(RepeatPlan plan) throws IOException, InterruptedException {
    if (!plan.again(measurements.size(), took, spent)) {
      return false;
    }
    Tried once =
        attempt(name, best, warm, out)
            .orElseThrow(() -> new IOException(name + " has lost a setting that it had"));
    measurements.add(once.measurement);
    took = once.took;
    spent = spent.plus(took);
    return true;
  }

  /** Returns what came out so far. */
  SubjectResult side() {
    return new SubjectResult(name, best.setting(), tried, measurements);
  }

  private static void say(String name, Variant setting, Measurement measurement, PrintStream out) {
    String figures =
        measurement.values().entrySet().stream()
            .map(
                value ->
                    value.getKey().label() + " " + Figures.of(value.getValue(), value.getKey()))
            .collect(Collectors.joining(", "));
    String failure = measurement.failure().map(reason -> reason + "; ").orElse("");
    out.printf("  %-8s %-22s %s%s%n", name, setting.label(), failure, figures);
    out.flush();
  }
}
