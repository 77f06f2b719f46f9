package dev.ballast.tools.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Processes whose guests do nothing: what they need for themselves.
 *
 * @param largeBytes RAM of a large guest
 */
record OverheadExperiment(long largeBytes) implements Experiment {
  /** RAM of a guest of usual size, larger than anything else that a process maps. */
  private static final long USUAL_BYTES = GuestPlan.GIB;

  /** How long a guest is left alone, so that what starting leaves behind is over. */
  private static final long IDLE_MILLIS = 500;

  @Override
  public Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException {
    return Optional.of(
        Measurement.of(
            Map.of(
                Metric.OVERHEAD, overhead(vmm, workspace, "usual", USUAL_BYTES),
                Metric.OVERHEAD_TIB, overhead(vmm, workspace, "large", largeBytes))));
  }

  private static double overhead(Vmm vmm, Workspace workspace, String name, long memoryBytes)
      throws IOException, InterruptedException {
    try (VmmProcess process =
        VmmProcess.start(vmm, workspace, name, memoryBytes, Vmm.Role.SOURCE)) {
      process.awaitReady();
      process.control().pause(IDLE_MILLIS);
      Path maps = Path.of("/proc", Long.toString(process.control().process().pid()), "smaps");
      ProcessMemory memory = ProcessMemory.parse(Files.readString(maps));
      return (double) memory.residentWithoutGuest(memoryBytes);
    }
  }
}
