package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * One who takes part in a scenario.
 *
 * @param name in reports
 * @param attempts the ways in which it can be measured, at least one
 */
record Subject(String name, List<Attempt> attempts) {
  /** Keeps a copy of the attempts. */
  Subject {
    attempts = List.copyOf(attempts);
  }

  /** Something that is measured once. */
  @FunctionalInterface
  interface Trial {
    /**
     * Measures.
     *
     * @param workspace a new one
     * @return what came out; empty if this entrant has no such setting
     * @throws IOException if it could not be measured
     */
    Optional<Measurement> run(Workspace workspace) throws IOException, InterruptedException;
  }

  /**
   * A way in which it can be measured.
   *
   * @param setting what it is told
   * @param trial how it is done
   */
  record Attempt(Variant setting, Trial trial) {}
}
