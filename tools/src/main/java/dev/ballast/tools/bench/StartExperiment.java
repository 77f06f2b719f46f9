package dev.ballast.tools.bench;

import dev.ballast.tools.host.ChildProcesses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** A process that is started, until its guest has written one byte on its serial line. */
record StartExperiment() implements Experiment {
  private static final long MEMORY_BYTES = 256 * GuestPlan.MIB;
  private static final Duration END_TIMEOUT = Duration.ofSeconds(10);

  @Override
  public Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException {
    Path qmp = workspace.resolve("start.qmp");
    Path errors = workspace.resolve("start.log");
    ProcessBuilder builder =
        new ProcessBuilder(vmm.command(workspace.kernel(), qmp, MEMORY_BYTES, Vmm.Role.SOURCE))
            .redirectError(errors.toFile());
    long started = System.nanoTime();
    Process process = ChildProcesses.start(builder);
    try {
      int first = process.getInputStream().read();
      double millis = (System.nanoTime() - started) / 1e6;
      if (first < 0) {
        throw new IOException(
            vmm.name() + ": no guest starts: " + Files.readString(errors).strip());
      }
      return Optional.of(Measurement.of(Metric.START, millis));
    } finally {
      process.destroy();
      VmmProcess.awaitEnd(process, END_TIMEOUT);
    }
  }
}
