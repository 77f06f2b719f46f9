package dev.ballast.tools.bench;

/**
 * A guest that has written to all of its memory and then gives much of it to the balloon.
 *
 * @param outline what all scenarios have
 * @param memoryBytes RAM of the guest
 * @param inflateBytes how much of it, in whole pages
 */
public record InflateScenario(Outline outline, long memoryBytes, long inflateBytes)
    implements Scenario {
  private static final int LESS = 16;

  @Override
  public InflateScenario small() {
    return new InflateScenario(outline, memoryBytes / LESS, inflateBytes / LESS);
  }
}
