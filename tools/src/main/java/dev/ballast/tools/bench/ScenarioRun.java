package dev.ballast.tools.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** How one subject does while a scenario is under way. One thread. */
final class ScenarioRun {
  private static final Duration TOO_LONG_TO_TRY_MORE = Duration.ofMinutes(1);

  private final Subject subject;
  private final MemoryWarmer warmer;
  private final PrintStream out;
  private final List<Measurement> measurements = new ArrayList<>();
  private Variant best = Variant.ONLY;
  private Duration took = Duration.ZERO;
  private Duration spent = Duration.ZERO;

  /** A variant that was measured once. */
  private record Tried(Variant variant, Measurement measurement, Duration took) {}

  private ScenarioRun(Subject subject, MemoryWarmer warmer, PrintStream out) {
    this.subject = subject;
    this.warmer = warmer;
    this.out = out;
  }

  /**
   * Measures each of a subject's variants once, and stays with the best.
   *
   * @param warmer what keeps memory warm
   * @param out where to say what comes out
   * @throws IOException if one fails, or the subject has none of them
   */
  static ScenarioRun begin(Subject subject, MemoryWarmer warmer, PrintStream out)
      throws IOException, InterruptedException {
    ScenarioRun run = new ScenarioRun(subject, warmer, out);
    List<Tried> all = new ArrayList<>();
    for (Variant variant : subject.variants()) {
      // What takes minutes is not made to take twice as long for a variant.
      if (all.isEmpty() || all.getLast().took.compareTo(TOO_LONG_TO_TRY_MORE) < 0) {
        run.attempt(variant).ifPresent(all::add);
      }
    }
    Metric metric = subject.metric();
    Comparator<Tried> byMetric = Comparator.comparingDouble(once -> once.measurement.value(metric));
    Tried first =
        all.stream()
            .min(metric.moreIsBetter() ? byMetric.reversed() : byMetric)
            .orElseThrow(() -> new IOException(subject.name() + " has none of the settings"));
    run.best = first.variant;
    run.took = first.took;
    run.measurements.add(first.measurement);
    return run;
  }

  private Optional<Tried> attempt(Variant variant) throws IOException, InterruptedException {
    long started = System.nanoTime();
    try (Workspace workspace = Workspace.create(warmer)) {
      Optional<Measurement> measurement = subject.trial().run(variant, workspace);
      Duration duration = Duration.ofNanos(System.nanoTime() - started);
      measurement.ifPresent(m -> say(variant, m));
      return measurement.map(m -> new Tried(variant, m, duration));
    }
  }

  /** Measures once more, with the best variant, if the plan says so; returns whether it did. */
  boolean again(RepeatPlan plan) throws IOException, InterruptedException {
    if (!plan.again(measurements.size(), took, spent)) {
      return false;
    }
    Tried once =
        attempt(best)
            .orElseThrow(() -> new IOException(subject.name() + " has lost a setting that it had"));
    measurements.add(once.measurement);
    took = once.took;
    spent = spent.plus(took);
    return true;
  }

  /** Returns what came out so far. */
  SubjectResult result() {
    return new SubjectResult(subject.name(), best, measurements);
  }

  private void say(Variant variant, Measurement measurement) {
    String figures =
        measurement.values().entrySet().stream()
            .map(
                value ->
                    value.getKey().label() + " " + Figures.of(value.getValue(), value.getKey()))
            .collect(Collectors.joining(", "));
    String failure = measurement.failure().map(reason -> reason + "; ").orElse("");
    out.printf("  %-8s %-22s %s%s%n", subject.name(), variant.label(), failure, figures);
    out.flush();
  }
}
