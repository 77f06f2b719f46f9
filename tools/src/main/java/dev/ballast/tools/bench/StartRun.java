package dev.ballast.tools.bench;

import dev.ballast.tools.host.ChildProcesses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Starts a process with the bare guest, waits for the first byte of its serial line and ends it.
 *
 * @param workspace where
 * @param contestant whose process
 */
record StartRun(Workspace workspace, Vmm contestant) {
  private static final long END_SECONDS = 10;

  /**
   * Measures how long that takes.
   *
   * @throws IOException if the process ends before, with what it wrote
   */
  Measurement run(StartScenario scenario) throws IOException, InterruptedException {
    Path errors = workspace.resolve("start.log");
    ProcessBuilder builder =
        new ProcessBuilder(
                contestant.command(
                    workspace.kernel(),
                    workspace.resolve("start.qmp"),
                    scenario.memoryBytes(),
                    Vmm.Role.SOURCE))
            .redirectError(errors.toFile());
    long started = System.nanoTime();
    Process process = ChildProcesses.start(builder);
    try {
      int first = process.getInputStream().read();
      double millis = (System.nanoTime() - started) / 1e6;
      if (first < 0) {
        throw new IOException(
            contestant.name() + ": no guest starts: " + Files.readString(errors).strip());
      }
      return Measurement.of(Metric.START, millis);
    } finally {
      process.destroy();
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    }
  }
}
