package dev.ballast.migration.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.source.ConvergencePolicy.Decision;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ConvergencePolicyTest {
  private final ConvergencePolicy policy =
      new ConvergencePolicy(
          MigrationParameters.DEFAULT.withMaxPasses(3).withDowntimeLimit(Duration.ofMillis(100)));

  @Test
  void stopsTheGuestWhenTheRestFitsTheLimit() {
    policy.measured(20_000_000, 100_000_000);
    assertThat(policy.expectedMillis(15_000_000)).isEqualTo(100);
    assertThat(policy.decide(1, 15_000_000)).isEqualTo(new Decision.SwitchOver());
    assertThat(policy.decide(1, 16_000_000)).isEqualTo(new Decision.AnotherPass());
    policy.downtimeLimit(Duration.ofMillis(200));
    assertThat(policy.decide(1, 16_000_000)).isEqualTo(new Decision.SwitchOver());
  }

  @Test
  void goesOnWithinTheLimitAsLongAsPassesMakeHeadway() {
    policy.measured(200_000_000, 1_000_000_000);
    assertThat(policy.decide(1, 15_000_000)).isEqualTo(new Decision.AnotherPass());
    policy.measured(15_000_000, 75_000_000);
    assertThat(policy.decide(2, 7_500_000)).isEqualTo(new Decision.AnotherPass());
    policy.measured(7_500_000, 37_500_000);
    assertThat(policy.decide(3, 3_000_000))
        .as("no more passes")
        .isEqualTo(new Decision.SwitchOver());
    assertThat(policy.decide(2, 3_800_000)).as("no headway").isEqualTo(new Decision.SwitchOver());
    assertThat(policy.decide(2, 800_000)).as("short enough").isEqualTo(new Decision.SwitchOver());
  }

  @Test
  void aPassThatSentNextToNothingIsNoMeasurement() {
    policy.measured(200_000_000, 1_000_000_000);
    policy.measured(5_000, 1_000_000_000);
    assertThat(policy.expectedMillis(15_000_000)).isEqualTo(100);
  }

  @Test
  void givesUpWithTheNumbers() {
    policy.measured(200_000_000, 1_000_000_000);
    assertThat(policy.decide(2, 400_000_000)).isEqualTo(new Decision.AnotherPass());
    assertThat(policy.decide(3, 400_000_000))
        .isInstanceOfSatisfying(
            Decision.GiveUp.class,
            giveUp ->
                assertThat(giveUp.reason())
                    .contains("3 passes", "400000000 bytes", "2666 ms", "100 ms"));
  }

  /** The destination takes about as long to load it. */
  @Test
  void countsTheStateOfTheVcpus() {
    policy.savingTakes(20_000_000);
    policy.measured(16_000_000, 80_000_000);
    assertThat(policy.expectedMillis(0)).isEqualTo(40);
    assertThat(policy.expectedMillis(9_000_000)).isEqualTo(100);
    assertThat(policy.decide(1, 9_000_000)).isEqualTo(new Decision.SwitchOver());
    assertThat(policy.decide(1, 15_000_000)).isEqualTo(new Decision.AnotherPass());
    assertThat(policy.decide(3, 15_000_000))
        .isInstanceOfSatisfying(
            Decision.GiveUp.class,
            giveUp ->
                assertThat(giveUp.reason()).contains("40 ms of it for the state of the vCPUs"));
  }

  /** Another pass would not make it smaller. */
  @Test
  void theStateOfTheVcpusIsNoReasonForAnotherPass() {
    policy.savingTakes(20_000_000);
    policy.measured(200_000_000, 1_000_000_000);
    assertThat(policy.decide(1, 800_000)).isEqualTo(new Decision.SwitchOver());
  }

  /** No pass makes it smaller; but the host may be less busy the next time. */
  @Test
  void aStateThatAloneTakesTooLongIsNoFaultOfTheGuests() {
    policy.savingTakes(51_000_000);
    assertThat(policy.stateExceedsLimit()).isTrue();
    assertThat(policy.decide(2, 0)).isEqualTo(new Decision.AnotherPass());
    assertThat(policy.decide(3, 0))
        .isInstanceOfSatisfying(
            Decision.GiveUp.class,
            giveUp ->
                assertThat(giveUp.reason())
                    .contains("state of the vCPUs takes 102 ms", "100 ms", "downtime-limit"));
    policy.savingTakes(49_000_000);
    assertThat(policy.stateExceedsLimit()).isFalse();
    assertThat(policy.decide(3, 0)).isEqualTo(new Decision.SwitchOver());
  }

  /** A slower guest does not make it smaller. */
  @Test
  void theStateOfTheVcpusIsNoReasonToSlowTheGuestDown() {
    ConvergencePolicy slowing =
        new ConvergencePolicy(
            MigrationParameters.DEFAULT
                .withMaxPasses(9)
                .withDowntimeLimit(Duration.ofMillis(100))
                .withAutoConverge(true));
    slowing.savingTakes(51_000_000);
    for (int pass = 1; pass < 9; pass++) {
      slowing.measured(16_000_000, 80_000_000);
      slowing.decide(pass, 16_000_000);
      assertThat(slowing.throttlePercentage()).isZero();
    }
  }
}
