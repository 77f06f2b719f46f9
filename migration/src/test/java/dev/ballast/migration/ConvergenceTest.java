package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.source.AutoConverge;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Guests that dirty memory while it is sent: they are slowed down when that is allowed, the limits
 * are kept, and what cannot converge ends clearly. The guest here writes when a pass begins, so
 * that how much it dirties does not depend on how fast this host is.
 */
@Timeout(120)
class ConvergenceTest {
  private static final long MIB = 16;
  private static final long BANDWIDTH = 20L << 20;
  private static final Duration DOWNTIME = Duration.ofMillis(50);

  private static MigrationParameters limited() {
    return Hop.PARAMETERS.withVerify(false).withMaxBandwidth(BANDWIDTH).withDowntimeLimit(DOWNTIME);
  }

  /**
   * @param percentages for how much of the time the guest was stopped, pass by pass
   */
  private record Run(Hop hop, List<Integer> percentages) {}

  /** Migrates a guest that dirties so many pages in a pass, as a function of the pass. */
  private static Run migrate(
      TestMachine a, MigrationParameters parameters, LongUnaryOperator dirtied) throws Exception {
    List<Integer> percentages = new ArrayList<>();
    MigrationListener listener =
        new MigrationListener() {
          @Override
          public void passStarted(long pass) {
            percentages.add(a.throttlePercentage());
          }
        };
    a.dirtyLog()
        .beforeFetch(
            () -> {
              int pass = percentages.size();
              if (pass > 0 && a.runState() == RunState.RUNNING) {
                long share = 100L - a.throttlePercentage();
                long pages = dirtied.applyAsLong(pass) * share / 100;
                for (long page = 0; page < pages; page++) {
                  a.guestWrite(page, (long) pass << 32 | page);
                }
              }
            });
    try (TestMachine b = TestMachine.waiting(MIB)) {
      Hop hop = Hop.run(a, b, parameters, Hop.DESTINATION, listener);
      if (hop.progress().status() == MigrationStatus.COMPLETED) {
        assertThat(b.firstDifference(a)).isEqualTo(-1);
      }
      assertThat(a.throttlePercentage()).as("throttle afterwards").isZero();
      assertThat(hop.progress().throttlePercentage()).isZero();
      assertThat(a.dirtyLog().isRunning()).isFalse();
      return new Run(hop, percentages);
    }
  }

  @Test
  void theThrottleRisesUntilTheRestShrinks() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      MigrationParameters parameters = limited().withAutoConverge(true);
      Run run = migrate(a, parameters, pass -> 2000);
      assertThat(run.hop().progress().error()).isEmpty();
      assertThat(run.hop().progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(run.percentages()).isSorted().startsWith(0, 0, 20).contains(20, 30);
    }
  }

  /** The forecast counts what it takes to save and to load the state. */
  @Test
  void aStateThatTakesLongerThanTheLimitLeavesTheGuestHere() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      a.savingTakes(DOWNTIME);
      Run run = migrate(a, limited().withMaxPasses(3), pass -> 0);
      assertThat(run.hop().progress().status()).isEqualTo(MigrationStatus.FAILED);
      assertThat(run.hop().progress().error().orElse(""))
          .startsWith("to save and load the state of the vCPUs takes 100 ms")
          .endsWith("the limit is 50 ms: raise downtime-limit");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      a.savingTakes(Duration.ofMillis(20));
      Run again = migrate(a, limited(), pass -> 0);
      assertThat(again.hop().progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(again.hop().progress().times().expectedDowntime()).hasValue(40);
    }
  }

  @Test
  void theThrottleStopsAtItsLimitAndTheEndIsClear() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      MigrationParameters parameters =
          limited().withMaxPasses(9).withAutoConverge(new AutoConverge(true, 7, 40, 60));
      Run run = migrate(a, parameters, pass -> 3000);
      assertThat(run.percentages()).containsExactly(0, 0, 7, 7, 47, 47, 60, 60, 60);
      assertThat(run.hop().progress().status()).isEqualTo(MigrationStatus.FAILED);
      assertThat(run.hop().progress().error().orElse(""))
          .startsWith("did not converge in 9 passes")
          .endsWith("vCPUs were stopped for 60 % of the time: raise downtime-limit");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
    }
  }

  @Test
  void withoutAutoConvergeTheGuestIsNotSlowedDown() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      Run run = migrate(a, limited().withMaxPasses(6), pass -> 2000);
      assertThat(run.percentages()).containsOnly(0);
      assertThat(run.hop().progress().error().orElse(""))
          .endsWith("auto-converge is off: switch it on, or raise downtime-limit");
    }
  }

  @Test
  void aPassThatMakesHeadwayDoesNotRaiseTheThrottle() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      MigrationParameters parameters = limited().withAutoConverge(true);
      Run run = migrate(a, parameters, pass -> 4000 >> (2 * pass - 2));
      assertThat(run.hop().progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(run.percentages()).containsOnly(0);
    }
  }

  @Test
  void theGuestStopsOnlyWhenTheRestFitsTheDowntimeLimit() throws Exception {
    for (Duration limit : List.of(Duration.ofMillis(10), Duration.ofMillis(40))) {
      try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
        MigrationParameters parameters = limited().withDowntimeLimit(limit);
        Run run = migrate(a, parameters, pass -> Math.max(0, 2400 - 200 * pass));
        assertThat(run.hop().progress().status()).isEqualTo(MigrationStatus.COMPLETED);
        assertThat(run.percentages()).hasSizeGreaterThan(3);
        assertThat(run.hop().progress().times().expectedDowntime().orElseThrow())
            .as("expected downtime when the guest was stopped, limit %s", limit)
            .isLessThanOrEqualTo(limit.toMillis());
      }
    }
  }

  @Test
  void theBandwidthLimitIsKept() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      a.fill(0, 2560, 1);
      MigrationParameters parameters = limited().withMaxBandwidth(20L << 20);
      Run run = migrate(a, parameters, pass -> 0);
      long bytes = run.hop().progress().traffic().precopy();
      assertThat(bytes).isGreaterThan(10L << 20);
      long millis = bytes * 1000 / (20L << 20);
      assertThat(run.hop().progress().times().total())
          .as("milliseconds for %d bytes", bytes)
          .isGreaterThanOrEqualTo(millis - 200);
    }
  }
}
