package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareReply;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Has the bare guest read registers of devices, and counts how many it reads in a second of the
 * time-stamp counter.
 *
 * @param workspace where
 */
record ExitsRun(Workspace workspace) {
  private static final Duration SOON = Duration.ofMinutes(1);
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final Map<Metric, String> KINDS = new EnumMap<>(Metric.class);

  static {
    KINDS.put(Metric.PIO, "pio");
    KINDS.put(Metric.MMIO, "mmio");
  }

  /** Measures a VMM. */
  Measurement run(ExitsScenario scenario, Vmm contestant) throws IOException, InterruptedException {
    double hertz = NativeBaseline.unpack(workspace.directory()).clockHertz();
    EnumMap<Metric, Double> rates = new EnumMap<>(Metric.class);
    try (VmmProcess vmm =
        VmmProcess.start(contestant, workspace, "exits", scenario.memoryBytes(), Vmm.Role.SOURCE)) {
      vmm.console().awaitReady(SOON);
      for (Map.Entry<Metric, String> kind : KINDS.entrySet()) {
        vmm.console().send(command(kind.getValue(), scenario.warmUp()), LONG);
        BareReply reply = vmm.console().send(command(kind.getValue(), scenario.reads()), LONG);
        rates.put(kind.getKey(), rate(reply.number("n"), reply.number("cycles"), hertz));
      }
    }
    return Measurement.of(rates);
  }

  /** Measures the loop in C. */
  Measurement runInC(ExitsScenario scenario) throws IOException, InterruptedException {
    NativeBaseline yardstick = NativeBaseline.unpack(workspace.directory());
    double hertz = yardstick.clockHertz();
    EnumMap<Metric, Double> rates = new EnumMap<>(Metric.class);
    for (Map.Entry<Metric, String> kind : KINDS.entrySet()) {
      List<Map<String, Long>> replies =
          yardstick.bareGuest(
              workspace.kernel(),
              List.of(
                  command(kind.getValue(), scenario.warmUp()),
                  command(kind.getValue(), scenario.reads())));
      Map<String, Long> reply = replies.getLast();
      rates.put(
          kind.getKey(),
          rate(NativeBaseline.value(reply, "n"), NativeBaseline.value(reply, "cycles"), hertz));
    }
    return Measurement.of(rates);
  }

  private static String command(String kind, int reads) {
    return "bench " + kind + " " + reads;
  }

  /** Returns how many a second, when so many took so many cycles. */
  static double rate(long count, long cycles, double hertz) {
    return count / (cycles / hertz);
  }
}
