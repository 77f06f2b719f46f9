package dev.ballast.tools.bench;

/**
 * A guest that reads registers of devices, each of which is a way out of the guest and back: under
 * Ballast, and under a loop around KVM_RUN in C.
 *
 * @param outline what all scenarios have
 * @param memoryBytes RAM of the guest
 * @param warmUp how many reads go before those that count: the JVM compiles meanwhile
 * @param reads how many reads count, of either kind
 */
public record ExitsScenario(Outline outline, long memoryBytes, int warmUp, int reads)
    implements Scenario {
  private static final int QUICK = 10;

  @Override
  public ExitsScenario small() {
    return new ExitsScenario(outline, memoryBytes, warmUp / QUICK, reads / QUICK);
  }
}
