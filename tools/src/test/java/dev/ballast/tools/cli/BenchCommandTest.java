package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.tools.bench.Scenario;
import dev.ballast.tools.bench.Scenarios;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class BenchCommandTest {
  private record Result(int exitCode, String output, String errors) {}

  private static Result bench(String... arguments) {
    StringWriter output = new StringWriter();
    StringWriter errors = new StringWriter();
    CommandLine command =
        Ballast.commandLine()
            .setOut(new PrintWriter(output, true))
            .setErr(new PrintWriter(errors, true));
    String[] all = new String[arguments.length + 1];
    all[0] = "bench";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    int exitCode = command.execute(all);
    return new Result(exitCode, output.toString(), errors.toString());
  }

  @Test
  void listsAllScenariosAndRunsNone() {
    Result result = bench("--list");
    assertThat(result.exitCode()).isZero();
    assertThat(result.output()).hasLineCount(Scenarios.all().size());
    assertThat(result.output()).contains(Scenarios.all().stream().map(Scenario::name).toList());
  }

  @Test
  void listsOnlyThoseThatAreWanted() {
    Result result = bench("--list", "--only", "idle-64G,touched");
    assertThat(result.output()).hasLineCount(2).contains("idle-64G", "touched");
  }

  @Test
  void anUnknownScenarioIsNamedWithThoseThatThereAre() {
    Result result = bench("--only", "touched,dancing");
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.errors())
        .contains("'dancing'")
        .contains(Scenarios.all().stream().map(Scenario::name).toList());
  }

  @Test
  void repeatsAtLeastOnce() {
    assertThat(bench("--repeat", "0").exitCode()).isEqualTo(2);
    assertThat(bench("--repeat", "often").exitCode()).isEqualTo(2);
  }
}
