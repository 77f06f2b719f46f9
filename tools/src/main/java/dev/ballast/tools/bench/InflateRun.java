package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareReply;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.time.Duration;

/**
 * Has the bare guest write to all of its memory and then give much of it to the balloon.
 *
 * @param workspace where
 * @param contestant whose process
 */
record InflateRun(Workspace workspace, Vmm contestant) {
  private static final Duration SOON = Duration.ofMinutes(1);
  private static final Duration LONG = Duration.ofMinutes(5);

  /** Past the end of RAM, wherever the board puts it. */
  private static final long ALL = GuestPlan.TIB;

  /**
   * Measures how fast pages go.
   *
   * @throws IOException if the device does not have them all afterwards
   */
  Measurement run(InflateScenario scenario) throws IOException, InterruptedException {
    try (VmmProcess vmm =
        VmmProcess.start(
            contestant, workspace, "inflate", scenario.memoryBytes(), Vmm.Role.SOURCE)) {
      vmm.console().awaitReady(SOON);
      vmm.console().send("fill 0 " + ALL + " 1", LONG);
      vmm.console().send("free 0 " + ALL, SOON);
      long pages = scenario.inflateBytes() / RamBlock.PAGE_SIZE;
      long started = System.nanoTime();
      BareReply reply = vmm.console().send("inflate " + pages, LONG);
      double seconds = (System.nanoTime() - started) / 1e9;
      long left = vmm.actualBytes();
      if (reply.number("pages") != pages
          || left != scenario.memoryBytes() - pages * RamBlock.PAGE_SIZE) {
        throw new IOException(
            "%s: %d pages were to go into the balloon, and %d bytes are left outside"
                .formatted(contestant.name(), pages, left));
      }
      return Measurement.of(Metric.INFLATE, pages * RamBlock.PAGE_SIZE / seconds);
    }
  }
}
