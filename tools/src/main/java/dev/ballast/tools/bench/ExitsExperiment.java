package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareReply;
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
record ExitsExperiment(int warmUp, int reads) implements Experiment {
  private static final long MEMORY_BYTES = 256 * GuestPlan.MIB;
  private static final int QUICK = 10;

  /** A guest that carries out commands in order; returns its last reply. */
  @FunctionalInterface
  private interface Guest {
    BareReply run(List<String> commands) throws IOException, InterruptedException;
  }

  @Override
  public ExitsExperiment small() {
    return new ExitsExperiment(warmUp / QUICK, reads / QUICK);
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
            return process.send(commands.getLast());
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
      BareReply reply = guest.run(List.of(bench + warmUp, bench + reads));
      rates.put(metric, rate(reply.number("n"), reply.number("cycles"), hertz));
    }
    return Optional.of(Measurement.of(rates));
  }

  /** Returns how many a second, when so many took so many cycles. */
  static double rate(long count, long cycles, double hertz) {
    return count / (cycles / hertz);
  }
}
