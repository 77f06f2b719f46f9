package dev.ballast.tools.bench;

import java.time.Duration;

/**
 * A guest that is moved over a link with a limit, as it is and then compressed.
 *
 * @param outline what all scenarios have
 * @param guest what the guest does
 * @param maxBandwidth the most to send, in bytes a second
 * @param patience how long a migration may take
 */
public record CompressionScenario(
    Outline outline, GuestPlan guest, long maxBandwidth, Duration patience) implements Scenario {

  @Override
  public CompressionScenario small() {
    return new CompressionScenario(outline, guest.small(), maxBandwidth, patience);
  }
}
