package dev.ballast.migration;

import static dev.ballast.migration.testing.ScriptedDestination.FIN;
import static dev.ballast.migration.testing.ScriptedDestination.KEEPALIVES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.ScriptedDestination;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a source makes of the destination's last words, and of what is queued behind them. */
@Timeout(120)
class HandoverTest {
  private static final long MIB = 4;

  /** More than the buffers of a socket: the source waits in the middle of it. */
  private static final int MUCH_STATE = 15 << 20;

  private static final byte[] READY = Frames.of(FrameType.READY, new byte[0]);
  private static final byte[] RUNNING = Frames.of(FrameType.RUNNING, new byte[0]);
  private static final byte[] KEEPALIVE = Frames.of(FrameType.KEEPALIVE, new byte[0]);
  private static final byte[] ERROR =
      Frames.of(FrameType.ERROR, new Messages.Failure("no patience").encode());
  private static final byte[] HALF_AN_ERROR = Arrays.copyOf(ERROR, ERROR.length - 3);
  private static final byte[] CANCEL = Frames.of(FrameType.CANCEL, new byte[0]);
  private static final byte[] GARBAGE = new byte[100];

  private static final String GAVE_UP = "the destination gave up: no patience";
  private static final String NOT_CONFIRMED =
      "the guest was handed over, but the destination did not confirm it: ";

  /** Where the guest is afterwards. */
  private enum Guest {
    RUNS_HERE,
    GONE,
    MAY_BE_CONTINUED_HERE
  }

  private static void migrate(
      List<byte[]> insteadOfReady,
      List<byte[]> insteadOfRunning,
      boolean committed,
      Guest guest,
      String error)
      throws Exception {
    migrate(Protocol.MAX_VERSION, insteadOfReady, insteadOfRunning, committed, guest, error);
  }

  private static void migrate(
      int version,
      List<byte[]> insteadOfReady,
      List<byte[]> insteadOfRunning,
      boolean committed,
      Guest guest,
      String error)
      throws Exception {
    String what = "case " + insteadOfReady.size() + " " + insteadOfRunning.size() + " " + error;
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        ScriptedDestination destination =
            new ScriptedDestination(version, insteadOfReady, insteadOfRunning)) {
      a.sections(List.of(new TestMachine.Filler("filler", MUCH_STATE)));
      MigrationSource source =
          new MigrationSource(
              a,
              destination.uri(),
              Hop.PARAMETERS.withSilenceTimeout(Duration.ofMillis(400)),
              MigrationListener.NONE);
      source.start();
      MigrationProgress end = source.await();

      assertThat(destination.wasCommitted()).as(what).isEqualTo(committed);
      assertThat(end.error().orElse("")).as(what).startsWith(error);
      assertThat(a.dirtyLog().isRunning()).as(what).isFalse();
      switch (guest) {
        case RUNS_HERE -> {
          assertThat(end.status()).as(what).isEqualTo(MigrationStatus.FAILED);
          assertThat(a.runState()).as(what).isEqualTo(RunState.RUNNING);
        }
        case GONE -> {
          assertThat(end.status()).as(what).isEqualTo(MigrationStatus.COMPLETED);
          assertThat(a.runState()).as(what).isEqualTo(RunState.POSTMIGRATE);
          assertThat(a.unconfirmed()).as(what).isNull();
        }
        case MAY_BE_CONTINUED_HERE -> {
          assertThat(end.status()).as(what).isEqualTo(MigrationStatus.FAILED);
          assertThat(a.runState()).as(what).isEqualTo(RunState.POSTMIGRATE);
          assertThat(a.unconfirmed()).as(what).isEqualTo(RunState.RUNNING);
        }
      }
    }
  }

  @Test
  void whatIsQueuedBehindReadyIsSeenBeforeCommit() throws Exception {
    migrate(List.of(READY, ERROR, FIN), List.of(), false, Guest.RUNS_HERE, GAVE_UP);
    migrate(List.of(READY, KEEPALIVE, ERROR, FIN), List.of(), false, Guest.RUNS_HERE, GAVE_UP);
    migrate(List.of(READY, FIN), List.of(), false, Guest.RUNS_HERE, "tcp:");
    migrate(List.of(READY, HALF_AN_ERROR, FIN), List.of(), false, Guest.RUNS_HERE, "tcp:");
    migrate(List.of(READY, GARBAGE), List.of(), false, Guest.RUNS_HERE, "not a migration stream");
    migrate(List.of(READY, RUNNING), List.of(), false, Guest.RUNS_HERE, "RUNNING: not now");
  }

  @Test
  void nothingElseIsTakenForReady() throws Exception {
    migrate(List.of(ERROR, FIN), List.of(), false, Guest.RUNS_HERE, GAVE_UP);
    migrate(List.of(FIN), List.of(), false, Guest.RUNS_HERE, "tcp:");
    migrate(List.of(RUNNING), List.of(), false, Guest.RUNS_HERE, "RUNNING: not now");
    migrate(List.of(), List.of(), false, Guest.RUNS_HERE, "tcp:");
  }

  @Test
  void aRefusalAfterCommitGivesTheGuestBack() throws Exception {
    migrate(List.of(READY), List.of(ERROR, FIN), true, Guest.RUNS_HERE, GAVE_UP);
    migrate(List.of(READY), List.of(KEEPALIVE, ERROR), true, Guest.RUNS_HERE, GAVE_UP);
    migrate(List.of(READY, KEEPALIVE), List.of(ERROR), true, Guest.RUNS_HERE, GAVE_UP);
  }

  /** It may have run there: only from version 5 on is it promised that it has not. */
  @Test
  void anOlderDestinationsRefusalAfterCommitIsNotTrusted() throws Exception {
    migrate(
        Protocol.VERSION_4,
        List.of(READY),
        List.of(ERROR, FIN),
        true,
        Guest.MAY_BE_CONTINUED_HERE,
        NOT_CONFIRMED + GAVE_UP);
    migrate(Protocol.VERSION_4, List.of(READY, ERROR), List.of(), false, Guest.RUNS_HERE, GAVE_UP);
  }

  @Test
  void afterAnythingElseOnlyTheUserCanTakeItBack() throws Exception {
    for (List<byte[]> words :
        List.of(
            List.<byte[]>of(),
            List.of(FIN),
            List.of(HALF_AN_ERROR, FIN),
            List.of(HALF_AN_ERROR),
            List.of(GARBAGE),
            List.of(CANCEL, FIN),
            List.of(KEEPALIVES),
            List.of(READY))) {
      migrate(List.of(READY), words, true, Guest.MAY_BE_CONTINUED_HERE, NOT_CONFIRMED);
    }
  }

  /** The process is to end, and does not wait for a destination that does not say where it is. */
  @Test
  void aWaitForTheConfirmationCanBeAbandonedButNotCancelled() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        ScriptedDestination destination =
            new ScriptedDestination(List.of(READY), List.of(KEEPALIVES))) {
      a.sections(List.of(new TestMachine.Filler("filler", MUCH_STATE)));
      MigrationSource source =
          new MigrationSource(
              a,
              destination.uri(),
              Hop.PARAMETERS.withSilenceTimeout(Duration.ofMinutes(10)),
              MigrationListener.NONE);
      source.start();
      await().until(destination::isCommitted);
      assertThat(source.cancel()).as("cancelled").isFalse();
      assertThat(source.progress().status()).isEqualTo(MigrationStatus.DEVICE);

      source.abandon();

      MigrationProgress end = source.await();
      assertThat(end.error()).contains(NOT_CONFIRMED + "this process ends");
      assertThat(a.unconfirmed()).isEqualTo(RunState.RUNNING);
    }
  }

  @Test
  void aConfirmationIsFinalWhateverFollows() throws Exception {
    migrate(List.of(READY), List.of(RUNNING), true, Guest.GONE, "");
    migrate(List.of(READY), List.of(RUNNING, FIN), true, Guest.GONE, "");
    migrate(List.of(READY), List.of(KEEPALIVE, RUNNING, ERROR, FIN), true, Guest.GONE, "");
  }

  @Test
  void aDestinationThatCannotStartTheGuestGivesItBack() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      b.failToStart(new IOException("the clock cannot be set"));

      Hop hop = Hop.run(a, b, Hop.PARAMETERS);

      assertThat(hop.progress().error())
          .contains("the destination gave up: the clock cannot be set");
      assertThat(hop.failure()).hasMessage("the clock cannot be set");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      assertThat(b.runState()).isEqualTo(RunState.INMIGRATE);
    }
  }
}
