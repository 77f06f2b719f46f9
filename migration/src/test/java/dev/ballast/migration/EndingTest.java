package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Migrations that end before the guest has moved, and what is left of them. */
@Timeout(120)
class EndingTest {
  private static final long MIB = 32;

  /** Cancels when the status is reached, or when the pass begins. */
  private static Hop cancelled(TestMachine a, TestMachine b, MigrationStatus when, long pass)
      throws Exception {
    AtomicReference<MigrationSource> source = new AtomicReference<>();
    MigrationListener listener =
        new MigrationListener() {
          @Override
          public void statusChanged(MigrationStatus status) {
            if (status == when) {
              source.get().cancel();
            }
          }

          @Override
          public void passStarted(long started) {
            if (started == pass) {
              source.get().cancel();
            }
          }
        };
    try (MigrationDestination destination = Hop.listen()) {
      CompletableFuture<IncomingResult> received =
          Hop.receive(
              destination,
              b,
              new DestinationParameters(
                  Duration.ofSeconds(1), Duration.ofSeconds(5), Protocol.MAX_VERSION));
      source.set(new MigrationSource(a, destination.uri(), MigrationTest.slow(), listener));
      source.get().start();
      return Hop.of(source.get().await(), received);
    }
  }

  @Test
  void aCancelInAnyStateLeavesTheGuestAsItWas() throws Exception {
    for (RunState before : List.of(RunState.RUNNING, RunState.PAUSED)) {
      for (Map.Entry<MigrationStatus, Long> when :
          List.of(
              Map.entry(MigrationStatus.SETUP, 0L),
              Map.entry(MigrationStatus.ACTIVE, 0L),
              Map.entry(MigrationStatus.NONE, 1L),
              Map.entry(MigrationStatus.DEVICE, 0L))) {
        try (TestMachine a = new TestMachine(MIB, before);
            TestMachine b = TestMachine.waiting(MIB)) {
          a.fill(0, 3000, 1);
          a.balloon().inflate(4000, 100);
          Hop hop = cancelled(a, b, when.getKey(), when.getValue());
          assertThat(hop.progress().status())
              .as("at %s", when)
              .isEqualTo(MigrationStatus.CANCELLED);
          assertThat(hop.progress().error()).isEmpty();
          assertThat(a.runState()).isEqualTo(before);
          assertThat(b.runState()).isEqualTo(RunState.INMIGRATE);
          assertThat(a.dirtyLog().isRunning()).isFalse();
          assertThat(hop.failure()).isNotNull();
          assertThat(a.balloon().excluded().cardinality()).isEqualTo(100);

          try (TestMachine c = TestMachine.waiting(MIB)) {
            Hop again = Hop.run(a, c, Hop.PARAMETERS);
            assertThat(again.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
            assertThat(again.progress().balloon().pagesSkipped()).isEqualTo(100);
            assertThat(c.runState()).isEqualTo(before);
            assertThat(c.firstDifference(a)).isEqualTo(-1);
          }
        }
      }
    }
  }

  @Test
  void aGuestThatItsUserStopsWhileItMovesStaysStoppedWhenThatFails() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      a.fill(0, 3000, 1);
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, Hop.DESTINATION);
      AtomicReference<MigrationSource> source = new AtomicReference<>();
      MigrationListener listener =
          new MigrationListener() {
            @Override
            public void passStarted(long pass) {
              if (pass == 1) {
                a.user(RunState.PAUSED);
              }
            }

            @Override
            public void statusChanged(MigrationStatus status) {
              if (status == MigrationStatus.DEVICE) {
                source.get().cancel();
              }
            }
          };
      source.set(new MigrationSource(a, destination.uri(), Hop.PARAMETERS, listener));
      source.get().start();
      Hop hop = Hop.of(source.get().await(), received);
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.CANCELLED);
      assertThat(a.runState()).isEqualTo(RunState.PAUSED);
    }
  }

  @Test
  void aCancelAfterTheEndChangesNothing() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, Hop.DESTINATION);
      MigrationSource source =
          new MigrationSource(a, destination.uri(), Hop.PARAMETERS, MigrationListener.NONE);
      source.start();
      source.await();
      received.join();
      source.cancel();
      assertThat(source.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
    }
  }

  @Test
  void eventsComeInOrder() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      List<String> events = new CopyOnWriteArrayList<>();
      MigrationListener listener =
          new MigrationListener() {
            @Override
            public void statusChanged(MigrationStatus status) {
              events.add(status.qmpName());
            }

            @Override
            public void passStarted(long pass) {
              events.add("pass " + pass);
            }
          };
      Hop.run(a, b, Hop.PARAMETERS, Hop.DESTINATION, listener);
      assertThat(events)
          .containsExactly("setup", "active", "pass 1", "device", "pass 2", "completed");
    }
  }

  @Test
  void aDestinationWithoutABalloonCannotTakeOne() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      b.removeBalloon();
      Hop hop = Hop.run(a, b, Hop.PARAMETERS);
      assertThat(hop.failure())
          .hasMessage("RAM block balloon-bitmap: source has 4096 bytes, destination has none");
    }
  }

  @Test
  void theReasonWhyTheBalloonIsNotSkippedIsReported() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        TestMachine c = TestMachine.waiting(MIB)) {
      a.balloon().inflate(10, 10);
      a.balloon().inactive("the driver did not negotiate VIRTIO_BALLOON_F_MUST_TELL_HOST");
      Hop hop = Hop.run(a, b, Hop.PARAMETERS);
      assertThat(hop.progress().balloon())
          .isEqualTo(
              new MigrationProgress.Balloon(
                  false, "the driver did not negotiate VIRTIO_BALLOON_F_MUST_TELL_HOST", 0, 0, 0));
      assertThat(b.balloon().excluded().cardinality()).isZero();
      b.removeBalloon();
      hop = Hop.run(b, c, Hop.PARAMETERS);
      assertThat(hop.progress().balloon().reason()).isEqualTo("no balloon device");
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
    }
  }

  /**
   * The guest resets its balloon and goes on without promising to ask: pages with a set bit are in
   * use.
   */
  @Test
  void aFilterThatBecomesUnusableMeanwhileIsNotTrusted() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 1000, 1);
      a.balloon().inflate(2000, 100);
      MigrationListener listener =
          new MigrationListener() {
            @Override
            public void passStarted(long pass) {
              if (pass == 1) {
                a.guestWrite(2050, 4711);
                a.balloon().inactive("the driver did not promise");
              }
            }
          };
      a.startGuest(
          5, (machine, random) -> machine.guestWrite(random.nextLong(900), random.nextLong()));
      Hop hop = Hop.run(a, b, MigrationTest.slow(), Hop.DESTINATION, listener);
      assertThat(hop.progress().error()).isEmpty();
      assertThat(hop.progress().balloon().active()).isFalse();
      assertThat(hop.progress().balloon().reason())
          .isEqualTo("since the migration began: the driver did not promise");
      assertThat(b.balloon().excluded().cardinality()).isZero();
      assertThat(b.firstDifference(a)).isEqualTo(-1);
    }
  }

  @Test
  void aGuestThatWritesTooFastEndsClearly() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 1000, 1);
      a.startGuest(
          1,
          (machine, random) -> {
            for (long page = 0; page < 1000; page++) {
              machine.guestWrite(page, random.nextLong());
            }
          });
      Hop hop =
          Hop.run(a, b, MigrationTest.slow().withDowntimeLimit(Duration.ZERO).withMaxPasses(4));
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.FAILED);
      assertThat(hop.progress().error().orElse("")).startsWith("did not converge in 4 passes");
      assertThat(hop.failure()).hasMessageStartingWith("did not converge in 4 passes");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
    }
  }

  @Test
  void aMachineThatCannotBeStoppedGoesOn() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.failToStop(new IOException("vCPU 0 does not stop"));
      Hop hop = Hop.run(a, b, Hop.PARAMETERS);
      assertThat(hop.progress().error()).contains("vCPU 0 does not stop");
      assertThat(hop.failure()).hasMessage("vCPU 0 does not stop");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      assertThat(a.dirtyLog().isRunning()).isFalse();
    }
  }

  @Test
  void aDestinationThatIsNotThere() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
      MigrationSource source =
          new MigrationSource(
              a, MigrationUri.parse("unix:/nonexistent/m"), Hop.PARAMETERS, MigrationListener.NONE);
      source.start();
      assertThat(source.await().error()).contains("unix:/nonexistent/m: there is no such socket");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
    }
  }

  @Test
  void aMachineWithoutAGuestHasNothingToGive() throws Exception {
    for (RunState state : List.of(RunState.INMIGRATE, RunState.POSTMIGRATE)) {
      try (TestMachine a = new TestMachine(MIB, state)) {
        MigrationSource source =
            new MigrationSource(
                a,
                MigrationUri.parse("unix:/nonexistent/m"),
                Hop.PARAMETERS,
                MigrationListener.NONE);
        source.start();
        assertThat(source.await().error())
            .contains("there is no guest to migrate: the machine is " + state.qmpName());
        assertThat(a.runState()).isEqualTo(state);
      }
    }
  }

  @Test
  void aConnectionWithoutAWordIsNoMigration() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, Hop.DESTINATION);
      try (MigrationChannel scanner = MigrationChannel.open(destination.uri())) {
        scanner.connect(Duration.ofSeconds(5));
      }
      MigrationSource source =
          new MigrationSource(a, destination.uri(), Hop.PARAMETERS, MigrationListener.NONE);
      source.start();
      assertThat(source.await().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(received.join().runState()).isEqualTo(RunState.RUNNING);
    }
  }

  @Test
  void aDestinationCanStopWaiting() throws Exception {
    try (TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      CompletableFuture<IncomingResult> received =
          Hop.receive(destination, b, DestinationParameters.DEFAULT);
      destination.cancel();
      assertThat(Hop.of(MigrationProgress.IDLE, received).failure())
          .hasMessage("the migration was cancelled");
    }
  }

  @Test
  void progressCanBeReadAtAnyTime() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      a.fill(0, 8000, 1);
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, Hop.DESTINATION);
      MigrationSource source =
          new MigrationSource(
              a,
              destination.uri(),
              Hop.PARAMETERS.withMaxBandwidth(20 << 20),
              MigrationListener.NONE);
      assertThat(source.progress().status()).isEqualTo(MigrationStatus.NONE);
      source.start();
      await()
          .until(
              () ->
                  source.progress().ram().normal() > 1000
                      && source.progress().ram().remaining() < 7500);
      assertThat(source.progress().traffic().transferred()).isGreaterThan(1_000_000);
      source.limits(0, Duration.ofMillis(300));
      MigrationProgress end = source.await();
      received.join();
      assertThat(end.ram().remaining()).isZero();
      assertThat(end.times().total()).isGreaterThanOrEqualTo(end.times().downtime().orElseThrow());
      assertThat(end.traffic().transferred())
          .isEqualTo(end.traffic().precopy() + end.traffic().downtime());
      assertThat(source.progress()).isEqualTo(end);
    }
  }

  @Test
  void nothingLeaks() throws Exception {
    hop();
    long threads = Thread.getAllStackTraces().size();
    long descriptors = descriptors();
    for (int i = 0; i < 10; i++) {
      hop();
    }
    assertThat(descriptors()).isLessThanOrEqualTo(descriptors);
    assertThat(Thread.getAllStackTraces().size()).isLessThanOrEqualTo((int) threads);
  }

  private static void hop() throws Exception {
    try (TestMachine a = new TestMachine(4, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(4);
        TestMachine c = TestMachine.waiting(4)) {
      Hop.run(a, b, Hop.PARAMETERS);
      c.describe(new MachineDescription(1, 1, 1, List.of(), List.of()));
      Hop.run(b, c, Hop.PARAMETERS);
    }
  }

  private static long descriptors() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }
}
