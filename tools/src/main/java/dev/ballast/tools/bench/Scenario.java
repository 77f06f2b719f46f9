package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** One thing that is measured. */
public interface Scenario {
  /**
   * What all scenarios have.
   *
   * @param name what it is called on the command line and in reports
   * @param description one line for people
   * @param targets what Ballast is to reach, the most important first
   * @param note what to know when reading the figures; empty for nothing
   */
  record Outline(String name, String description, List<Target> targets, String note) {
    /** Keeps a copy of the targets. */
    public Outline {
      targets = List.copyOf(targets);
    }
  }

  /** Returns its name, description, targets and note. */
  Outline outline();

  /** Returns what it is called. */
  default String name() {
    return outline().name();
  }

  /** Returns one line for people. */
  default String description() {
    return outline().description();
  }

  /** Returns what Ballast is to reach, the most important first. */
  default List<Target> targets() {
    return outline().targets();
  }

  /** Returns what to know when reading the figures; empty for nothing. */
  default String note() {
    return outline().note();
  }

  /** Returns the same with a small guest, or less of it, for a warm-up or a quick look. */
  default Scenario small() {
    return this;
  }

  /** Returns whether memory with content is moved, so that a destination takes much of it. */
  default boolean movesContent() {
    return false;
  }

  /** Returns the variants in which a VMM is measured, at least one. */
  default List<Variant> variants() {
    return List.of(Variant.ONLY);
  }

  /**
   * Measures a VMM once.
   *
   * @param workspace a new one
   * @return what came out; empty if the VMM has no such variant
   * @throws IOException if it could not be measured
   */
  Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException;

  /** Returns a VMM that takes part. */
  default Subject subject(Vmm vmm) {
    return new Subject(
        vmm.name(),
        targets().getFirst().metric(),
        variants(),
        (variant, workspace) -> measure(vmm, variant, workspace));
  }

  /**
   * Returns the C program that takes part, for a scenario with such a target.
   *
   * @param ballast what Ballast reached at first
   */
  default Subject baseline(SubjectResult ballast) {
    throw new IllegalStateException(name() + " has no baseline");
  }

  /** Returns whether a target compares Ballast with such a reference, which then takes part. */
  default boolean comparesWith(Class<? extends Target.Reference> kind) {
    return targets().stream().map(Target::reference).anyMatch(kind::isInstance);
  }
}
