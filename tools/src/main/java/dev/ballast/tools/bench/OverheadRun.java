package dev.ballast.tools.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;

/**
 * Starts processes with a bare guest that does nothing, and looks at what is resident in them.
 *
 * @param workspace where
 * @param contestant whose processes
 */
record OverheadRun(Workspace workspace, Vmm contestant) {
  private static final Duration SOON = Duration.ofMinutes(1);

  /**
   * How long a guest is left alone before the look, so that what starting leaves behind is over.
   */
  private static final long IDLE_MILLIS = 500;

  /** Measures a guest of either size. */
  Measurement run(OverheadScenario scenario) throws IOException, InterruptedException {
    EnumMap<Metric, Double> values = new EnumMap<>(Metric.class);
    values.put(Metric.OVERHEAD, overhead("usual", scenario.memoryBytes()));
    values.put(Metric.OVERHEAD_TIB, overhead("large", scenario.largeBytes()));
    return Measurement.of(values);
  }

  private double overhead(String name, long memoryBytes) throws IOException, InterruptedException {
    try (VmmProcess vmm =
        VmmProcess.start(contestant, workspace, name, memoryBytes, Vmm.Role.SOURCE)) {
      vmm.console().awaitReady(SOON);
      vmm.pause(IDLE_MILLIS);
      Path maps = Path.of("/proc", Long.toString(vmm.pid()), "smaps");
      ProcessMemory memory = ProcessMemory.parse(Files.readAllLines(maps));
      return (double) memory.residentWithoutGuest(memoryBytes);
    }
  }
}
