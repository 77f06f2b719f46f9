package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A guest that reads registers of devices, each of which is a way out of the guest and back, and
 * counts how many it reads in a second of the time-stamp counter: under Ballast, and under a loop
 * around KVM_RUN in C.
 *
 * @param warmUp how many reads go before those that count: the JVM compiles meanwhile
 * @param reads how many reads count, of either kind
 */
record ExitsScenario(Outline outline, int warmUp, int reads) implements Scenario {
  private static final long MEMORY_BYTES = 256 * GuestPlan.MIB;
  private static final int QUICK = 10;

  /** A guest that carries out commands in order; the numbers of its last reply are returned. */
  @FunctionalInterface
  private interface Guest {
    Map<String, Long> run(List<String> commands) throws IOException, InterruptedException;
  }

  ExitsScenario() {
    this(
        new Outline(
            "exits",
            "reads of an I/O port and of a register in memory, a round trip out of the guest each",
            List.of(Target.toBaseline(Metric.PIO, 0.95), Target.toBaseline(Metric.MMIO, 0.95)),
            "The same guest runs under Ballast, with its serial port and its balloon's registers,"
                + " and under a loop around KVM_RUN in C that answers at once."),
        150_000,
        40_000);
  }

  @Override
  public ExitsScenario small() {
    return new ExitsScenario(outline, warmUp / QUICK, reads / QUICK);
  }

  @Override
  public Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException {
    NativeBaseline program = NativeBaseline.unpack(workspace.directory());
    try (VmmProcess process =
        VmmProcess.start(vmm, workspace, "exits", MEMORY_BYTES, Vmm.Role.SOURCE)) {
      process.awaitReady();
      return measure(
          program.clockHertz(),
          commands -> {
            process.send(commands.getFirst());
            return NativeBaseline.words(process.send(commands.getLast()).text());
          });
    }
  }

  @Override
  public Subject baseline(SubjectResult ballast) {
    return new Subject(
        "C loop",
        Metric.PIO,
        List.of(Variant.ONLY),
        (_, workspace) -> {
          NativeBaseline program = NativeBaseline.unpack(workspace.directory());
          return measure(
              program.clockHertz(),
              commands -> program.bareGuest(workspace.kernel(), commands).getLast());
        });
  }

  private Optional<Measurement> measure(double hertz, Guest guest)
      throws IOException, InterruptedException {
    Map<Metric, Double> rates = new EnumMap<>(Metric.class);
    for (Metric metric : List.of(Metric.PIO, Metric.MMIO)) {
      String bench = "bench " + metric.label() + " ";
      Map<String, Long> reply = guest.run(List.of(bench + warmUp, bench + reads));
      long count = NativeBaseline.value(reply, "n");
      rates.put(metric, rate(count, NativeBaseline.value(reply, "cycles"), hertz));
    }
    return Optional.of(Measurement.of(rates));
  }

  /** Returns how many a second, when so many took so many cycles. */
  static double rate(long count, long cycles, double hertz) {
    return count / (cycles / hertz);
  }
}
