package dev.ballast.tools.bench;

import java.time.Duration;

/**
 * A guest that is moved, and from there to a third process. Of Ballast alone: it is compared with
 * itself.
 *
 * @param outline what all scenarios have
 * @param guest what the guest does
 * @param patience how long a migration may take
 */
public record SecondHopScenario(Outline outline, GuestPlan guest, Duration patience)
    implements Scenario {

  @Override
  public SecondHopScenario small() {
    return new SecondHopScenario(outline, guest.small(), patience);
  }
}
