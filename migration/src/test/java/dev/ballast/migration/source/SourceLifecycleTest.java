package dev.ballast.migration.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.migration.channel.CancelledException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SourceLifecycleTest {
  private final List<MigrationStatus> statuses = new CopyOnWriteArrayList<>();
  private final AtomicInteger interrupts = new AtomicInteger();
  private final MigrationListener listener =
      new MigrationListener() {
        @Override
        public void statusChanged(MigrationStatus status) {
          statuses.add(status);
        }
      };
  private final SourceLifecycle lifecycle =
      new SourceLifecycle(listener, interrupts::incrementAndGet);

  private void advanceTo(SourcePhase last) throws CancelledException {
    for (SourcePhase phase :
        List.of(
            SourcePhase.CONNECTING,
            SourcePhase.NEGOTIATING,
            SourcePhase.PRECOPY,
            SourcePhase.SWITCHING,
            SourcePhase.COMMITTING)) {
      lifecycle.advance(phase);
      if (phase == last) {
        return;
      }
    }
  }

  @Test
  void eachStatusIsToldOnce() throws CancelledException {
    advanceTo(SourcePhase.COMMITTING);
    lifecycle.finish(SourcePhase.COMPLETED);
    assertThat(statuses)
        .containsExactly(
            MigrationStatus.SETUP,
            MigrationStatus.ACTIVE,
            MigrationStatus.DEVICE,
            MigrationStatus.COMPLETED);
  }

  @Test
  void afterACancelNoPhaseBegins() throws CancelledException {
    advanceTo(SourcePhase.SWITCHING);
    assertThat(lifecycle.cancel()).isTrue();
    assertThat(interrupts).hasValue(1);
    assertThatThrownBy(() -> lifecycle.advance(SourcePhase.COMMITTING))
        .isInstanceOf(CancelledException.class);
    assertThat(lifecycle.cancel()).as("it is being cancelled").isTrue();
    lifecycle.finish(SourcePhase.CANCELLED);
    assertThat(lifecycle.status()).isEqualTo(MigrationStatus.CANCELLED);
    assertThat(statuses).endsWith(MigrationStatus.CANCELLING, MigrationStatus.CANCELLED);
  }

  @Test
  void afterTheCommitACancelComesTooLate() throws CancelledException {
    advanceTo(SourcePhase.COMMITTING);
    assertThat(lifecycle.cancel()).isFalse();
    assertThat(interrupts).hasValue(0);
    assertThat(lifecycle.status()).isEqualTo(MigrationStatus.DEVICE);
    lifecycle.finish(SourcePhase.COMPLETED);
    assertThat(lifecycle.cancel()).as("it is over").isTrue();
    assertThat(lifecycle.status()).isEqualTo(MigrationStatus.COMPLETED);
  }

  @Test
  void ofACancelAndTheCommitOneIsFirst() throws Exception {
    for (int i = 0; i < 500; i++) {
      SourceLifecycle racing = new SourceLifecycle(MigrationListener.NONE, () -> {});
      racing.advance(SourcePhase.SWITCHING);
      CyclicBarrier start = new CyclicBarrier(2);
      CompletableFuture<Boolean> cancel =
          CompletableFuture.supplyAsync(
              () -> {
                meet(start);
                return racing.cancel();
              });
      boolean committed = true;
      meet(start);
      try {
        racing.advance(SourcePhase.COMMITTING);
      } catch (CancelledException _) {
        committed = false;
      }
      assertThat(cancel.get(30, TimeUnit.SECONDS)).isEqualTo(!committed);
    }
  }

  private static void meet(CyclicBarrier barrier) {
    try {
      barrier.await(30, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void oneThatExpiresIsGivenUpAndMayStillBeCancelled() throws CancelledException {
    advanceTo(SourcePhase.PRECOPY);
    lifecycle.startTimer(Duration.ofMillis(1));
    await().until(lifecycle::hasExpired);
    assertThat(interrupts).hasValue(1);
    assertThat(lifecycle.status()).isEqualTo(MigrationStatus.ACTIVE);
    assertThatThrownBy(() -> lifecycle.advance(SourcePhase.SWITCHING))
        .isInstanceOf(CancelledException.class);
    assertThat(lifecycle.cancel()).isTrue();
    assertThat(lifecycle.hasExpired()).isFalse();
    assertThat(lifecycle.status()).isEqualTo(MigrationStatus.CANCELLING);
  }

  @Test
  void aCancelOutOfTheListenerHolds() throws CancelledException {
    SourceLifecycle[] own = new SourceLifecycle[1];
    own[0] =
        new SourceLifecycle(
            new MigrationListener() {
              @Override
              public void statusChanged(MigrationStatus status) {
                if (status == MigrationStatus.DEVICE) {
                  own[0].cancel();
                }
              }
            },
            () -> {});
    own[0].advance(SourcePhase.SWITCHING);
    assertThat(own[0].status()).isEqualTo(MigrationStatus.CANCELLING);
    assertThatThrownBy(() -> own[0].advance(SourcePhase.COMMITTING))
        .isInstanceOf(CancelledException.class);
  }

  @Test
  void phasesHaveAnOrder() throws CancelledException {
    advanceTo(SourcePhase.PRECOPY);
    assertThatThrownBy(() -> lifecycle.advance(SourcePhase.CONNECTING))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("PRECOPY is not followed by CONNECTING");
    lifecycle.finish(SourcePhase.FAILED);
    assertThatThrownBy(() -> lifecycle.advance(SourcePhase.SWITCHING))
        .isInstanceOf(IllegalStateException.class);
  }
}
