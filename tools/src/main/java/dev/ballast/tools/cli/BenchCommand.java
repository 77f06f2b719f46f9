package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.ballast.tools.bench.Bench;
import dev.ballast.tools.bench.BenchReport;
import dev.ballast.tools.bench.RepeatPlan;
import dev.ballast.tools.bench.Scenario;
import dev.ballast.tools.bench.Scenarios;
import dev.ballast.tools.report.HtmlReport;
import dev.ballast.tools.report.JsonReport;
import dev.ballast.tools.report.TableReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ballast bench}: Ballast beside QEMU, in one run. */
@Command(
    name = "bench",
    description = {
      "Has the same bare guest moved, started and ballooned by Ballast and by QEMU, in turns, on"
          + " this host, and says what both cost and whether Ballast reached its targets.",
      "Uses the qemu-system-x86_64 on the PATH; without one, Ballast runs alone. Installs nothing."
    },
    footer = {
      "",
      "Exit code: 0 all scenarios ran, whether targets were met or not; 1 one could not be run.",
      "",
      "Example: ballast bench --only touched --repeat 3 --html bench.html"
    },
    mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
  private static final List<Scenario> ALL = Scenarios.all();

  @Spec private CommandSpec spec;

  @Option(names = "--list", description = "Print the scenarios and run nothing.")
  private boolean list;

  @Option(
      names = "--only",
      paramLabel = "NAME",
      split = ",",
      description = "Run only these scenarios (default: all).")
  private List<String> only = List.of();

  @Range(min = 1, max = 100, example = 3)
  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "3",
      description =
          "How often each is measured, 1 to 100; what takes a moment more often, what takes long less"
              + " often (default: ${DEFAULT-VALUE}).")
  private int repeat;

  @Option(names = "--json", paramLabel = "FILE", description = "Write all figures to a file.")
  private @Nullable Path json;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write a report with pictures to a file that needs no others.")
  private @Nullable Path html;

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  BenchCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<Scenario> chosen = chosen();
    if (list) {
      chosen.forEach(
          s -> spec.commandLine().getOut().printf("%-24s %s%n", s.name(), s.description()));
      return 0;
    }
    BenchReport report = Bench.onThisHost(System.out).run(chosen, new RepeatPlan(repeat));
    TableReport.print(report, System.out);
    if (json != null) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(json.toFile(), JsonReport.of(report));
    }
    if (html != null) {
      Files.writeString(html, HtmlReport.of(report));
    }
    return report.failures().isEmpty() ? 0 : ErrorReporter.FAILED;
  }

  private List<Scenario> chosen() {
    List<String> names = ALL.stream().map(Scenario::name).toList();
    for (String name : only) {
      if (!names.contains(name)) {
        throw new ParameterException(
            spec.commandLine(),
            "there is no scenario '" + name + "'; there are " + String.join(", ", names));
      }
    }
    return only.isEmpty() ? ALL : ALL.stream().filter(s -> only.contains(s.name())).toList();
  }
}
