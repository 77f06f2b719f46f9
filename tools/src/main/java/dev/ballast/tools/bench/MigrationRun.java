package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.Optional;

/**
 * Boots the bare guest in one process, moves it to another and ends both.
 *
 * @param workspace where
 * @param contestant whose processes
 */
record MigrationRun(Workspace workspace, Vmm contestant) {
  /**
   * Measures one migration.
   *
   * @param scenario which
   * @param setting how
   * @return what it cost; empty if this VMM has no such setting
   * @throws IOException if anything fails, or the guest is not there afterwards; a migration that
   *     does not converge because the guest writes too fast is a measurement
   */
  Optional<Measurement> run(MigrationScenario scenario, Variant setting)
      throws IOException, InterruptedException {
    GuestPlan plan = contestant.guest(scenario);
    try (VmmProcess source = start("source", plan, Vmm.Role.SOURCE)) {
      if (setting.streams() > 1 && !source.hasMultifd()) {
        return Optional.empty();
      }
      new GuestWork(plan).begin(source);
      try (VmmProcess destination = start("destination", plan, Vmm.Role.DESTINATION)) {
        MigrationTrial hop =
            new MigrationTrial(
                workspace, contestant, plan, Tuning.of(setting), scenario.patience());
        return Optional.of(hop.run(source, destination, "migration"));
      }
    }
  }

  private VmmProcess start(String name, GuestPlan plan, Vmm.Role role)
      throws IOException, InterruptedException {
    return VmmProcess.start(contestant, workspace, name, plan.memoryBytes(), role);
  }
}
