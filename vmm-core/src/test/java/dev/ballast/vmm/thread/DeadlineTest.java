package dev.ballast.vmm.thread;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DeadlineTest {
  private final Object lock = new Object();
  private boolean done;

  private boolean await(Deadline deadline) throws InterruptedException {
    synchronized (lock) {
      return deadline.await(lock, () -> done);
    }
  }

  @Test
  void aConditionThatHoldsIsNotWaitedFor() throws InterruptedException {
    done = true;
    assertThat(await(Deadline.after(Duration.ZERO))).isTrue();
    assertThat(await(Deadline.afterMillis(3_600_000))).isTrue();
  }

  @Test
  void oneThatNeverHoldsIsWaitedForUntilTheDeadline() throws InterruptedException {
    long start = System.nanoTime();
    Deadline deadline = Deadline.afterMillis(30);
    assertThat(await(deadline)).isFalse();
    assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(30_000_000L);
    assertThat(deadline.isOver()).isTrue();
    assertThat(deadline.millisLeft()).isZero();
  }

  @Test
  void countsDown() {
    Deadline deadline = Deadline.afterMillis(3_600_000);
    assertThat(deadline.isOver()).isFalse();
    assertThat(deadline.millisLeft()).isBetween(3_000_000L, 3_600_000L);
  }

  @Test
  void notificationsThatChangeNothingDoNotEndTheWait() throws Exception {
    Thread other =
        Thread.ofPlatform()
            .start(
                () -> {
                  for (int i = 0; i < 1000; i++) {
                    synchronized (lock) {
                      done = i == 999;
                      lock.notifyAll();
                    }
                  }
                });
    assertThat(await(Deadline.afterMillis(30_000))).isTrue();
    other.join();
  }

  @Test
  void moreThanNinetyDaysAreNoOverflow() {
    assertThat(Deadline.after(Duration.ofDays(100_000)).isOver()).isFalse();
  }
}
