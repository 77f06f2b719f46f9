package dev.ballast.tools.bench;

import java.io.IOException;

/**
 * Boots the bare guest in one process, moves it to a second and from there to a third.
 *
 * @param workspace where
 * @param contestant whose processes
 */
record SecondHopRun(Workspace workspace, Vmm contestant) {
  /**
   * Measures both migrations.
   *
   * @return the second one, with the time of the first
   * @throws IOException if anything fails, or the guest is not there afterwards
   */
  Measurement run(SecondHopScenario scenario) throws IOException, InterruptedException {
    GuestPlan plan = scenario.guest();
    MigrationTrial hop =
        new MigrationTrial(
            workspace, contestant, plan, Tuning.of(Variant.SINGLE), scenario.patience());
    try (VmmProcess second = start("second", plan, Vmm.Role.DESTINATION)) {
      Measurement first;
      try (VmmProcess source = start("first", plan, Vmm.Role.SOURCE)) {
        new GuestWork(plan).begin(source);
        first = hop.run(source, second, "hop1");
      }
      try (VmmProcess third = start("third", plan, Vmm.Role.DESTINATION)) {
        return hop.run(second, third, "hop2").with(Metric.FIRST_TIME, first.value(Metric.TIME));
      }
    }
  }

  private VmmProcess start(String name, GuestPlan plan, Vmm.Role role)
      throws IOException, InterruptedException {
    return VmmProcess.start(contestant, workspace, name, plan.memoryBytes(), role);
  }
}
