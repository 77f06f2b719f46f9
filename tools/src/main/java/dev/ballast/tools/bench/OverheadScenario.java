package dev.ballast.tools.bench;

/**
 * Processes whose guests do nothing: what they need for themselves.
 *
 * @param outline what all scenarios have
 * @param memoryBytes RAM of a guest of usual size, larger than anything else that a process maps
 * @param largeBytes RAM of a large one
 */
public record OverheadScenario(Outline outline, long memoryBytes, long largeBytes)
    implements Scenario {
  @Override
  public OverheadScenario small() {
    return new OverheadScenario(outline, memoryBytes, Math.min(largeBytes, 4 * memoryBytes));
  }
}
