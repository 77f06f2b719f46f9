package dev.ballast.tools.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The trials of one subject in a scenario. One thread. */
final class ScenarioRun {
  private static final Duration TOO_LONG_TO_TRY_MORE = Duration.ofMinutes(1);

  private final Subject subject;
  private final MemoryWarmer warmer;
  private final PrintStream out;

  /** With the best variant only: the first one is how that was found to be the best. */
  private final List<Tried> done = new ArrayList<>();

  /** A measurement, and the time it took with all preparation. */
  private record Tried(Variant variant, Measurement measurement, Duration took) {}

  private ScenarioRun(Subject subject, MemoryWarmer warmer, PrintStream out) {
    this.subject = subject;
    this.warmer = warmer;
    this.out = out;
  }

  /**
   * Measures each of a subject's variants once, and stays with the best.
   *
   * @param out where progress is printed
   * @throws IOException if one fails, or the subject has none of them
   */
  static ScenarioRun begin(Subject subject, MemoryWarmer warmer, PrintStream out)
      throws IOException, InterruptedException {
    ScenarioRun run = new ScenarioRun(subject, warmer, out);
    List<Tried> all = new ArrayList<>();
    for (Variant variant : subject.variants()) {
      // What takes minutes is not made to take twice as long for a variant.
      if (all.isEmpty() || all.getLast().took.compareTo(TOO_LONG_TO_TRY_MORE) < 0) {
        run.measure(variant).ifPresent(all::add);
      }
    }
    Metric metric = subject.metric();
    Comparator<Tried> byMetric = Comparator.comparingDouble(once -> once.measurement.value(metric));
    run.done.add(
        all.stream()
            .min(metric.moreIsBetter() ? byMetric.reversed() : byMetric)
            .orElseThrow(() -> new IOException(subject.name() + " has none of the settings")));
    return run;
  }

  private Optional<Tried> measure(Variant variant) throws IOException, InterruptedException {
    long started = System.nanoTime();
    try (Workspace workspace = Workspace.create(warmer)) {
      Optional<Measurement> measurement = subject.trial().run(variant, workspace);
      Duration took = Duration.ofNanos(System.nanoTime() - started);
      measurement.ifPresent(m -> say(variant, m));
      return measurement.map(m -> new Tried(variant, m, took));
    }
  }

  /** Measures once more, with the best variant, if the plan says so; returns whether it did. */
  boolean again(RepeatPlan plan) throws IOException, InterruptedException {
    Duration spent = done.stream().skip(1).map(Tried::took).reduce(Duration.ZERO, Duration::plus);
    if (!plan.again(done.size(), done.getLast().took, spent)) {
      return false;
    }
    done.add(
        measure(done.getFirst().variant)
            .orElseThrow(
                () -> new IOException(subject.name() + " has lost a setting that it had")));
    return true;
  }

  SubjectResult result() {
    return new SubjectResult(
        subject.name(), done.getFirst().variant, done.stream().map(Tried::measurement).toList());
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
