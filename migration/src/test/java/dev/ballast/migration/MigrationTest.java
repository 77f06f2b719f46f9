package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whole migrations between two machines that work. */
@Timeout(120)
class MigrationTest {
  private static final long MIB = 64;

  @Test
  void movesContentAndStateAndLeavesTheRestUntouched() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(100, 1000, 1);
      a.fill(9000, 1, 2);
      a.guestWrite(5000, 0);

      Hop hop = Hop.run(a, b, Hop.PARAMETERS);

      assertCompleted(hop, a, b);
      MigrationProgress.Ram ram = hop.progress().ram();
      assertThat(ram.total()).isEqualTo(a.pages());
      assertThat(ram.scanned()).as("populated pages").isEqualTo(1002);
      assertThat(ram.unpopulated()).isEqualTo(a.pages() - 1002);
      assertThat(ram.normal()).isEqualTo(1001);
      assertThat(ram.zero()).isEqualTo(1);
      assertThat(hop.arrived().pagesReceived()).isEqualTo(1001);
      assertThat(hop.progress().traffic().transferred())
          .isBetween(1001L * 4096, 1001L * 4096 + 200_000);
    }
  }

  @Test
  void followsAGuestThatWritesAllTheTime() throws Exception {
    long seed = 42;
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 4000, seed);
      TestMachine.Work work =
          (machine, random) -> machine.guestWrite(random.nextLong(6000), random.nextLong());
      a.startGuest(seed, work);

      Hop hop = Hop.run(a, b, slow().build());

      assertCompleted(hop, a, b);
      assertThat(hop.progress().ram().passes()).isGreaterThan(1);
      assertThat(b.steps()).isEqualTo(a.steps()).isPositive();
    }
  }

  @Test
  void skipsExactlyTheBalloonOnEveryHop() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        TestMachine c = TestMachine.waiting(MIB)) {
      a.fill(0, 2000, 3);
      a.balloon().inflate(500, 700);
      a.balloon().inflate(10_000, 3);
      a.balloon().inflate(16_380, 4);

      Hop first = Hop.run(a, b, Hop.PARAMETERS);
      assertCompleted(first, a, b);
      Hop second = Hop.run(b, c, Hop.PARAMETERS);
      assertCompleted(second, b, c);

      for (Hop hop : List.of(first, second)) {
        MigrationProgress.Balloon balloon = hop.progress().balloon();
        assertThat(balloon.active()).isTrue();
        assertThat(balloon.reason()).isEmpty();
        assertThat(balloon.pagesSkipped()).isEqualTo(707);
        assertThat(balloon.bitmapBytesDowntime()).isZero();
        assertThat(balloon.bitmapBytes()).isBetween(1L, 200L);
        assertThat(hop.progress().ram().scanned()).isEqualTo(1300);
        assertThat(hop.arrived().bitmapReceived()).isTrue();
      }
      assertThat(c.balloon().excluded().cardinality()).isEqualTo(707);
    }
  }

  @Test
  void withTheCapabilityOffTheBitmapStaysBehind() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 2000, 3);
      a.balloon().inflate(500, 700);

      Hop hop = Hop.run(a, b, Hop.PARAMETERS.edit().skipBalloon(false).build());

      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(hop.progress().balloon())
          .isEqualTo(
              new MigrationProgress.Balloon(false, "capability skip-balloon is off", 0, 0, 0));
      assertThat(hop.arrived().bitmapReceived()).isFalse();
      assertThat(b.balloon().excluded().cardinality()).isZero();
      assertThat(b.firstDifference(a)).isEqualTo(-1);
    }
  }

  @Test
  void aPausedGuestArrivesPaused() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.PAUSED);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 10, 3);
      Hop hop = Hop.run(a, b, Hop.PARAMETERS);
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(a.runState()).isEqualTo(RunState.POSTMIGRATE);
      assertThat(b.runState()).isEqualTo(RunState.PAUSED);
    }
  }

  @Test
  void survivesABalloonThatMovesInEveryPass() throws Exception {
    long seed = 7;
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        TestMachine c = TestMachine.waiting(MIB)) {
      a.fill(0, 8000, seed);
      a.startGuest(seed, MigrationTest::writeAndBalloon);
      Hop first = Hop.run(a, b, slow().build());
      assertCompleted(first, a, b);
      assertThat(first.progress().ram().passes()).isGreaterThan(1);
      assertThat(b.balloon().excluded().cardinality())
          .isEqualTo(a.balloon().excluded().cardinality())
          .isPositive();

      b.startGuest(seed + 1, MigrationTest::writeAndBalloon);
      Hop second = Hop.run(b, c, slow().build());
      assertCompleted(second, b, c);
    }
  }

  static void writeAndBalloon(TestMachine machine, SplittableRandom random)
      throws java.io.IOException {
    long page = random.nextLong(10_000);
    int choice = random.nextInt(10);
    boolean ballooned = machine.balloon().excluded().get(page);
    if (ballooned && choice < 7) {
      machine.balloon().deflate(page, 1);
      if (choice < 4) {
        machine.guestWrite(page, random.nextLong());
      }
    } else if (!ballooned && choice < 2) {
      machine.balloon().inflate(page, 1);
    } else if (!ballooned) {
      machine.guestWrite(page, choice == 2 ? 0 : random.nextLong());
    }
  }

  @Test
  void anOlderDestinationGetsNoBitmap() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 100, 3);
      a.balloon().inflate(50, 10);
      Hop hop = Hop.run(a, b, Hop.PARAMETERS.edit().maxProtocolVersion(Protocol.VERSION_1).build());
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(hop.arrived().protocolVersion()).isEqualTo(1);
      assertThat(hop.progress().balloon().reason())
          .isEqualTo("protocol version 1 has no balloon bitmap");
      assertThat(b.firstDifference(a)).isEqualTo(-1);
    }
  }

  /**
   * So slow that a busy guest dirties something in every pass, so strict that there are several.
   */
  static MigrationParameters.Builder slow() {
    return Hop.PARAMETERS
        .edit()
        .maxBandwidth(60 << 20)
        .downtimeLimit(Duration.ofMillis(20))
        .maxPasses(1000);
  }

  static void assertCompleted(Hop hop, TestMachine from, TestMachine to) {
    assertThat(hop.progress().error()).isEmpty();
    assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
    assertThat(hop.failure()).isNull();
    assertThat(from.runState()).isEqualTo(RunState.POSTMIGRATE);
    assertThat(to.runState()).isEqualTo(RunState.RUNNING);
    assertThat(from.dirtyLog().isRunning()).isFalse();
    assertThat(to.firstDifference(from)).as("first page that differs").isEqualTo(-1);
    assertThat(to.firstBalloonedWithContent()).as("ballooned page with content").isEqualTo(-1);
  }
}
