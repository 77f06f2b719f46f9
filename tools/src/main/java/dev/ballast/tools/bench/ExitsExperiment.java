package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareReply;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

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

  @Override
  public Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException {
    NativeBaseline program = NativeBaseline.unpack(workspace.directory());
    List<BareReply> replies = new ArrayList<>();
    try (VmmProcess process =
        VmmProcess.start(vmm, workspace, "exits", MEMORY_BYTES, Vmm.Role.SOURCE)) {
      process.awaitReady();
      for (String command : commands()) {
        replies.add(process.send(command));
      }
    }
    return rates(replies, program.clockHertz());
  }

  @Override
  public Subject baseline(SubjectResult ballast) {
    return new Subject(
        "C loop",
        Metric.PIO,
        List.of(Variant.ONLY),
        (_, workspace) -> {
          NativeBaseline program = NativeBaseline.unpack(workspace.directory());
          List<BareReply> replies = program.bareGuest(workspace.kernel(), commands());
          return rates(replies, program.clockHertz());
        });
  }

  private List<String> commands() {
    return Stream.of(Metric.PIO, Metric.MMIO)
        .map(metric -> "bench " + metric.label() + " ")
        .flatMap(bench -> Stream.of(bench + warmUp, bench + reads))
        .toList();
  }

  private static Optional<Measurement> rates(List<BareReply> replies, double hertz)
      throws IOException {
    return Optional.of(
        Measurement.of(
            Map.of(
                Metric.PIO,
                rate(replies.get(1), hertz),
                Metric.MMIO,
                rate(replies.get(3), hertz))));
  }

  private static double rate(BareReply reply, double hertz) throws IOException {
    return rate(reply.number("n"), reply.number("cycles"), hertz);
  }

  /** Returns how many a second, when so many took so many cycles. */
  static double rate(long count, long cycles, double hertz) {
    return count / (cycles / hertz);
  }
}
