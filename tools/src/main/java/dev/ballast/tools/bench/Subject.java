package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * A participant of a scenario: a VMM, or the baseline in C.
 *
 * @param name in reports
 * @param metric the figure by which the best variant is chosen
 * @param variants the ways in which it can be measured, at least one
 * @param trial measures it once
 */
record Subject(String name, Metric metric, List<Variant> variants, Trial trial) {
  /** Measures something once. */
  @FunctionalInterface
  interface Trial {
    /**
     * Measures in a new workspace.
     *
     * @return what came out; empty if there is no such variant
     * @throws IOException if it could not be measured
     */
    Optional<Measurement> run(Variant variant, Workspace workspace)
        throws IOException, InterruptedException;
  }
}
