package dev.ballast.tools.bench;

import dev.ballast.tools.bench.GuestPlan.Fill;
import java.io.IOException;
import java.time.Duration;

/**
 * Has a guest do what is planned for it, and sees afterwards that it did.
 *
 * @param plan what it does
 */
record GuestWork(GuestPlan plan) {
  private static final Duration SOON = Duration.ofMinutes(1);
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final long SEED = 1;
  private static final long PROBE_BYTES = 16 * GuestPlan.MIB;

  /** Waits for the guest, and has it do its work; what goes on goes on when this returns. */
  void begin(VmmProcess vmm) throws IOException, InterruptedException {
    vmm.console().awaitReady(SOON);
    Fill fill = plan.fill();
    if (fill.bytes() > 0) {
      vmm.console().send("fill " + range() + " " + SEED + " " + fill.words(), LONG);
    }
    if (plan.balloonBytes() > 0) {
      if (fill.bytes() > 0) {
        vmm.console().send("free " + range(), SOON);
      }
      vmm.balloon(plan.memoryBytes() - plan.balloonBytes(), LONG);
    }
    if (plan.dirtyBytesPerSecond() > 0) {
      vmm.console().send("dirty " + range() + " " + plan.dirtyBytesPerSecond(), SOON);
    }
  }

  private String range() {
    return plan.fill().start() + " " + plan.fill().bytes();
  }

  /** Asks the guest where it is now, and has it look at some of what it wrote. */
  void check(VmmProcess vmm) throws IOException, InterruptedException {
    vmm.console().send("count", SOON);
    Fill fill = plan.fill();
    if (plan.dirtyBytesPerSecond() > 0) {
      vmm.console().send("stop", SOON);
      vmm.console().send("check-dirty", LONG);
    } else if (fill.bytes() > 0 && plan.balloonBytes() == 0) {
      vmm.console()
          .send("check %d %d %d %d".formatted(fill.start(), PROBE_BYTES, SEED, fill.words()), SOON);
    }
  }
}
