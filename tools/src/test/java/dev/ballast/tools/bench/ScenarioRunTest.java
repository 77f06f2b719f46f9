package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.tools.bench.Subject.Attempt;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ScenarioRunTest {
  private static final PrintStream NOWHERE =
      new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);

  private final List<String> made = new ArrayList<>();

  private Attempt attempt(String variant, Metric metric, double value) {
    return new Attempt(
        new Variant(0, variant),
        _ -> {
          made.add(variant);
          return Optional.of(Measurement.of(metric, value));
        });
  }

  private static final Attempt UNKNOWN =
      new Attempt(new Variant(2, "unknown"), _ -> Optional.empty());

  @Test
  void everySettingIsTriedOnceAndTheBestAgain() throws Exception {
    Subject entrant =
        new Subject(
            "one",
            List.of(attempt("slow", Metric.TIME, 9), UNKNOWN, attempt("fast", Metric.TIME, 5)));
    ScenarioRun standing = ScenarioRun.first(entrant, Metric.TIME, new MemoryWarmer(), NOWHERE);
    assertThat(standing.again(new RepeatPlan(1))).isFalse();
    assertThat(standing.again(new RepeatPlan(2))).isTrue();
    assertThat(made).containsExactly("slow", "fast", "fast");
    SubjectResult side = standing.side();
    assertThat(side.setting().label()).isEqualTo("fast");
    assertThat(side.tried()).isEqualTo(2);
    assertThat(side.statistics(Metric.TIME).count()).isEqualTo(2);
  }

  @Test
  void whereMoreIsBetterTheLargestIsTheBest() throws Exception {
    Subject entrant =
        new Subject(
            "one", List.of(attempt("little", Metric.PIO, 5), attempt("much", Metric.PIO, 9)));
    assertThat(
            ScenarioRun.first(entrant, Metric.PIO, new MemoryWarmer(), NOWHERE)
                .side()
                .setting()
                .label())
        .isEqualTo("much");
  }

  @Test
  void oneWithoutAnySettingCannotBeMeasured() {
    assertThatThrownBy(
            () ->
                ScenarioRun.first(
                    new Subject("one", List.of(UNKNOWN)), Metric.TIME, new MemoryWarmer(), NOWHERE))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("one");
  }

  @Test
  void theWorkspaceHasTheGuestAndGoesAway() throws Exception {
    List<Workspace> seen = new ArrayList<>();
    Attempt attempt =
        new Attempt(
            Variant.ONLY,
            workspace -> {
              seen.add(workspace);
              assertThat(workspace.kernel()).isNotEmptyFile();
              return Optional.of(Measurement.of(Metric.TIME, 1));
            });
    ScenarioRun.first(
        new Subject("one", List.of(attempt)), Metric.TIME, new MemoryWarmer(), NOWHERE);
    assertThat(seen).hasSize(1);
    assertThat(seen.getFirst().directory()).doesNotExist();
  }
}
