package dev.ballast.tools.bench;

/**
 * A process that is started, until its guest has written one byte on its serial line.
 *
 * @param outline what all scenarios have
 * @param memoryBytes RAM of the guest
 */
public record StartScenario(Outline outline, long memoryBytes) implements Scenario {
  @Override
  public StartScenario small() {
    return this;
  }
}
