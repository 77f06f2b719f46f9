package dev.ballast.tools.bench;

import java.time.Duration;

/**
 * A guest that is moved once.
 *
 * @param outline what all scenarios have
 * @param guest what the guest does
 * @param peerGuest what it does under the other VMM; the same but where that takes too long
 * @param patience how long a migration may take; one whose guest goes on to write counts as one
 *     that does not converge then
 */
public record MigrationScenario(
    Outline outline, GuestPlan guest, GuestPlan peerGuest, Duration patience) implements Scenario {

  @Override
  public MigrationScenario small() {
    return new MigrationScenario(outline, guest.small(), peerGuest.small(), patience);
  }
}
