package dev.ballast.migration.channel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BandwidthLimitTest {
  private static final long SECOND = 1_000_000_000L;

  private final BandwidthLimit limit = new BandwidthLimit();
  private final long now = System.nanoTime();

  @Test
  void noLimitIsNoPause() {
    limit.written(1 << 20, now);
    assertThat(limit.pause(now)).isZero();
    assertThat(limit.atOnce()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void whatIsWrittenIsPaidFor() {
    limit.set(1000);
    assertThat(limit.atOnce()).isEqualTo(100);
    limit.written(100, now);
    limit.written(100, now);
    // A tenth of a second's worth is free at first.
    assertThat(limit.pause(now)).isBetween(SECOND / 10 - 1000, SECOND / 10);
    assertThat(limit.pause(now + SECOND / 10)).isZero();
  }

  /** A peer gives up after a silence, and bytes are what it hears. */
  @Test
  void theLowestLimitStillSendsAByteASecond() {
    limit.set(1);
    assertThat(limit.atOnce()).isEqualTo(1);
    for (int i = 0; i < 100; i++) {
      limit.written(1, now + i * SECOND);
      assertThat(limit.pause(now + i * SECOND)).isLessThanOrEqualTo(SECOND);
    }
  }

  @Test
  void aLimitThatWasRaisedLeavesNoDebtOfTheOld() {
    limit.set(1);
    limit.written(5000, now);
    limit.set(100 << 20);
    assertThat(limit.pause(now)).isLessThanOrEqualTo(SECOND / 10);
  }
}
