package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** How a scenario is measured. */
interface Experiment {
  /** Returns whether memory with content is moved, so that a destination takes much of it. */
  default boolean movesContent() {
    return false;
  }

  /** Returns the variants in which a VMM is measured, at least one. */
  default List<Variant> variants() {
    return List.of(Variant.ONLY);
  }

  /**
   * Measures one VMM once.
   *
   * @param workspace a new one
   * @return the measurement; empty if the VMM has no such variant
   * @throws IOException if it could not be measured
   */
  Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException;

  /**
   * Returns the C program that takes part, for a scenario with such a target.
   *
   * @param ballast what Ballast reached at first
   */
  default Subject baseline(SubjectResult ballast) {
    throw new IllegalStateException("there is no baseline");
  }
}
