package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareReply;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.util.Optional;

/**
 * A guest that has written to all of its memory and then gives much of it to the balloon.
 *
 * @param memoryBytes RAM of the guest
 * @param inflateBytes how much of it, in whole pages
 */
record InflateExperiment(long memoryBytes, long inflateBytes) implements Experiment {
  /** Past the end of RAM, wherever the board puts it. */
  private static final String ALL = "0 " + GuestPlan.TIB;

  /**
   * Measures how fast pages are inflated.
   *
   * @throws IOException if the device does not have them all afterwards
   */
  @Override
  public Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException {
    try (VmmProcess process =
        VmmProcess.start(vmm, workspace, "inflate", memoryBytes, Vmm.Role.SOURCE)) {
      process.awaitReady();
      process.send("fill " + ALL + " 1");
      process.send("free " + ALL);
      long pages = inflateBytes / RamBlock.PAGE_SIZE;
      long started = System.nanoTime();
      BareReply reply = process.send("inflate " + pages);
      double seconds = (System.nanoTime() - started) / 1e9;
      long left = process.control().actualBytes();
      if (reply.number("pages") != pages || left != memoryBytes - inflateBytes) {
        throw new IOException(
            "%s: %d pages were to go into the balloon, and %d bytes are left outside"
                .formatted(vmm.name(), pages, left));
      }
      return Optional.of(Measurement.of(Metric.INFLATE, inflateBytes / seconds));
    }
  }
}
