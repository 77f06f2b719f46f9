package dev.ballast.tools.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs the JMH benchmarks on the class path, all with the same number of forks and iterations, and
 * sets what is ours beside its peers: {@code benchmarks.txt} has the ratios, {@code
 * benchmarks.json} everything as JMH writes it.
 */
final class Benchmarks {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final String NEEDS_KVM = "IoctlBenchmark|ExitLoopBenchmark";
  private static final int FORKS = 2;
  private static final int WARM_UPS = 4;
  private static final int MEASUREMENTS = 5;
  private static final TimeValue ITERATION = TimeValue.milliseconds(300);

  private Benchmarks() {}

  /**
   * Runs them.
   *
   * @param arguments a regular expression that selects benchmarks, and the directory for results
   */
  public static void main(String[] arguments) throws IOException, RunnerException {
    Path directory = Files.createDirectories(Path.of(arguments[1]));
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(arguments[0])
            .forks(FORKS)
            .warmupIterations(WARM_UPS)
            .warmupTime(ITERATION)
            .measurementIterations(MEASUREMENTS)
            .measurementTime(ITERATION)
            .shouldFailOnError(true)
            .resultFormat(ResultFormatType.JSON)
            .result(directory.resolve("benchmarks.json").toString());
    String skipped = "";
    if (!Files.isWritable(KVM)) {
      options.exclude(NEEDS_KVM);
      skipped = "skipped, no " + KVM + " that this user may use: " + NEEDS_KVM + "\n\n";
    }
    List<Score> scores = new ArrayList<>();
    for (RunResult run : new Runner(options.build()).run()) {
      scores.add(score(run));
    }
    String table = skipped + new ScoreTable(scores).text();
    Files.writeString(directory.resolve("benchmarks.txt"), table);
    System.out.print("\n" + table);
  }

  private static Score score(RunResult run) {
    String name = run.getParams().getBenchmark();
    int method = name.lastIndexOf('.');
    String group = name.substring(name.lastIndexOf('.', method - 1) + 1, method);
    for (String key : run.getParams().getParamsKeys()) {
      group += " " + run.getParams().getParam(key);
    }
    Result<?> result = run.getPrimaryResult();
    return new Score(
        group,
        name.substring(method + 1),
        result.getScore(),
        result.getScoreError(),
        result.getScoreUnit());
  }
}
