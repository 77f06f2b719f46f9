package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.Optional;

/**
 * Moves a guest as it is, and another one like it compressed.
 *
 * @param workspace where
 * @param contestant whose processes
 */
record CompressionRun(Workspace workspace, Vmm contestant) {
  /**
   * Measures both migrations.
   *
   * @param scenario which
   * @param setting how: its variant is the compression
   * @return the compressed one, with the time of the other; empty if this VMM has no such setting
   * @throws IOException if anything fails, or the guest is not there afterwards
   */
  Optional<Measurement> run(CompressionScenario scenario, Variant setting)
      throws IOException, InterruptedException {
    long limit = scenario.maxBandwidth();
    Optional<Measurement> compressed =
        run(scenario, new Tuning(setting.streams(), setting.variant(), limit), "compressed");
    if (compressed.isEmpty()) {
      return compressed;
    }
    Measurement plain =
        run(scenario, new Tuning(setting.streams(), Tuning.PLAIN, limit), "plain").orElseThrow();
    return compressed.map(m -> m.with(Metric.PLAIN_TIME, plain.value(Metric.TIME)));
  }

  private Optional<Measurement> run(CompressionScenario scenario, Tuning tuning, String name)
      throws IOException, InterruptedException {
    GuestPlan plan = scenario.guest();
    try (VmmProcess source = start(name + "-source", plan, Vmm.Role.SOURCE)) {
      if (!source.hasMultifd() || !tuning.isKnownTo(source)) {
        return Optional.empty();
      }
      new GuestWork(plan).begin(source);
      try (VmmProcess destination = start(name + "-destination", plan, Vmm.Role.DESTINATION)) {
        MigrationTrial hop =
            new MigrationTrial(workspace, contestant, plan, tuning, scenario.patience());
        return Optional.of(hop.run(source, destination, name));
      }
    }
  }

  private VmmProcess start(String name, GuestPlan plan, Vmm.Role role)
      throws IOException, InterruptedException {
    return VmmProcess.start(contestant, workspace, name, plan.memoryBytes(), role);
  }
}
