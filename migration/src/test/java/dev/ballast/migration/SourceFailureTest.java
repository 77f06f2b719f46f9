package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What fails while a migration that failed is cleaned up: all else is done all the same. */
@Timeout(60)
class SourceFailureTest {
  private static final long MIB = 4;

  /** Cancels once the guest was stopped. */
  private static MigrationProgress cancelled(TestMachine a) throws Exception {
    try (TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, Hop.DESTINATION);
      AtomicReference<MigrationSource> source = new AtomicReference<>();
      MigrationListener listener =
          new MigrationListener() {
            @Override
            public void statusChanged(MigrationStatus status) {
              if (status == MigrationStatus.DEVICE) {
                source.get().cancel();
              }
            }
          };
      source.set(new MigrationSource(a, destination.uri(), Hop.PARAMETERS, listener));
      source.get().start();
      return Hop.of(source.get().await(), received).progress();
    }
  }

  @Test
  void aThrottleThatCannotBeEndedDoesNotKeepTheGuestStopped() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      a.failToThrottle(new IllegalStateException("EAGAIN"));

      MigrationProgress end = cancelled(a);

      assertThat(end.status()).isEqualTo(MigrationStatus.CANCELLED);
      assertThat(end.error()).contains("vCPUs stay throttled: EAGAIN");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      assertThat(a.dirtyLog().isRunning()).isFalse();
    }
  }

  /** HotSpot makes an InternalError of a SIGBUS. */
  static Stream<Throwable> aGuestThatCannotGoOnDoesNotKeepTheMigrationUnderWay() {
    return Stream.of(
        new IOException("the clock cannot be set"), new InternalError("a memory access fault"));
  }

  @ParameterizedTest
  @MethodSource
  void aGuestThatCannotGoOnDoesNotKeepTheMigrationUnderWay(Throwable failure) throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      a.failToStart(failure);

      MigrationProgress end = cancelled(a);

      assertThat(end.status()).isEqualTo(MigrationStatus.CANCELLED);
      assertThat(end.error()).contains("the guest stays stopped: " + failure.getMessage());
      assertThat(a.dirtyLog().isRunning()).isFalse();
    }
  }
}
