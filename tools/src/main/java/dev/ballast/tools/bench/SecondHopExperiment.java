package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * A guest that is moved, and from there to a third process. Of Ballast alone: it is compared with
 * itself.
 */
record SecondHopExperiment(GuestPlan guest) implements Experiment {
  @Override
  public boolean movesContent() {
    return true;
  }

  @Override
  public List<Variant> variants() {
    return List.of(Variant.SINGLE);
  }

  /** Measures the second migration, with the time of the first. */
  @Override
  public Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException {
    MigrationTrial trial =
        new MigrationTrial(
            workspace, vmm, guest, variant, MigrationTrial.UNLIMITED, MigrationTrial.PATIENCE);
    try (VmmProcess second = trial.start("second", Vmm.Role.DESTINATION)) {
      Measurement first;
      try (VmmProcess source = trial.start("first", Vmm.Role.SOURCE)) {
        guest.begin(source);
        first = trial.move(source, second, "hop1");
      }
      try (VmmProcess third = trial.start("third", Vmm.Role.DESTINATION)) {
        Measurement moved = trial.move(second, third, "hop2");
        return Optional.of(moved.with(Metric.FIRST_TIME, first.value(Metric.TIME)));
      }
    }
  }
}
