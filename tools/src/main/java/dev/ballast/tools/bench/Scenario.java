package dev.ballast.tools.bench;

import java.util.List;

/**
 * A scenario of the bench.
 *
 * @param name what it is called on the command line and in reports
 * @param description one line for people
 * @param targets what Ballast is to reach, the most important first
 * @param note what to know when reading the figures; empty for nothing
 * @param experiment how it is measured
 */
public record Scenario(
    String name, String description, List<Target> targets, String note, Experiment experiment) {
  /** Keeps a copy of the targets. */
  public Scenario {
    targets = List.copyOf(targets);
  }

  /** Returns a VMM that takes part. */
  Subject subject(Vmm vmm) {
    return new Subject(
        vmm.name(),
        targets.getFirst().metric(),
        experiment.variants(),
        (variant, workspace) -> experiment.measure(vmm, variant, workspace));
  }

  /** Returns whether a target compares Ballast with such a reference, which then takes part. */
  boolean comparesWith(Class<? extends Target.Reference> kind) {
    return targets.stream().map(Target::reference).anyMatch(kind::isInstance);
  }
}
