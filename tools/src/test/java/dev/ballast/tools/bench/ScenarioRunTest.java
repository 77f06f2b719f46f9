package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ScenarioRunTest {
  private static final PrintStream NOWHERE =
      new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);

  private final List<String> made = new ArrayList<>();

  /** Returns a subject whose variants reach so much, one of which it has not. */
  private Subject subject(Metric metric, Map<String, Double> values) {
    return new Subject(
        "one",
        metric,
        Stream.of("slow", "unknown", "fast").map(mode -> new Variant(2, mode)).toList(),
        (variant, _) -> {
          Optional<Double> value = Optional.ofNullable(values.get(variant.mode()));
          value.ifPresent(_ -> made.add(variant.mode()));
          return value.map(v -> Measurement.of(metric, v));
        });
  }

  private static ScenarioRun begin(Subject subject) throws Exception {
    return ScenarioRun.begin(subject, new MemoryWarmer(), NOWHERE);
  }

  @Test
  void everyVariantIsTriedOnceAndTheBestAgain() throws Exception {
    ScenarioRun run = begin(subject(Metric.TIME, Map.of("slow", 9.0, "fast", 5.0)));
    assertThat(run.again(new RepeatPlan(1))).isFalse();
    assertThat(run.again(new RepeatPlan(2))).isTrue();
    assertThat(made).containsExactly("slow", "fast", "fast");
    SubjectResult result = run.result();
    assertThat(result.variant().label()).isEqualTo("2 streams, fast");
    assertThat(result.statistics(Metric.TIME).count()).isEqualTo(2);
  }

  @Test
  void whereMoreIsBetterTheLargestIsTheBest() throws Exception {
    ScenarioRun run = begin(subject(Metric.PIO, Map.of("slow", 5.0, "fast", 9.0)));
    assertThat(run.result().variant().mode()).isEqualTo("fast");
  }

  @Test
  void oneWithoutAnyVariantCannotBeMeasured() {
    assertThatThrownBy(() -> begin(subject(Metric.TIME, Map.of())))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("one");
  }

  @Test
  void theWorkspaceHasTheGuestAndGoesAway() throws Exception {
    List<Workspace> seen = new ArrayList<>();
    Subject subject =
        new Subject(
            "one",
            Metric.TIME,
            List.of(Variant.ONLY),
            (_, workspace) -> {
              seen.add(workspace);
              assertThat(workspace.kernel()).isNotEmptyFile();
              return Optional.of(Measurement.of(Metric.TIME, 1));
            });
    begin(subject);
    assertThat(seen).hasSize(1);
    assertThat(seen.getFirst().directory()).doesNotExist();
  }
}
