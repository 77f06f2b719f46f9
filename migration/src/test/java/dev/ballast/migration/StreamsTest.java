package dev.ballast.migration;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.RawPeer;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Migrations whose pages go over several connections. */
@Timeout(120)
class StreamsTest {
  private static final long MIB = 256;

  private static MigrationParameters streams(int count) {
    return Hop.over(count, Hop.PARAMETERS);
  }

  private static void assertMoved(Hop hop, TestMachine a, TestMachine b) {
    assertThat(hop.failure()).isNull();
    assertThat(hop.progress().error()).isEmpty();
    assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
    assertThat(a.runState()).isEqualTo(RunState.POSTMIGRATE);
    assertThat(b.runState()).isEqualTo(RunState.RUNNING);
    assertThat(b.firstDifference(a)).isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 64})
  void everyPageArrivesOnce(int count) throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(100, 40_000, 1);
      a.balloon().inflate(50_000, 3000);
      a.guestWrite(60_000, 0);

      Hop hop = Hop.run(a, b, streams(count));

      assertMoved(hop, a, b);
      assertThat(hop.progress().ram().normal()).isEqualTo(40_000);
      assertThat(hop.progress().balloon().pagesSkipped()).isEqualTo(3000);
      assertThat(hop.arrived().pagesReceived()).isEqualTo(40_000);
      assertThat(hop.progress().traffic().streams()).isGreaterThan(40_000L * 4096);
      assertThat(hop.arrived().bytesRead()).isEqualTo(hop.progress().traffic().transferred());
    }
  }

  @Test
  void aPageThatChangesFromPassToPassArrivesAsItIsLast() throws Exception {
    long seed = 7;
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 30_000, seed);
      a.startGuest(
          seed,
          (machine, random) -> machine.guestWrite(random.nextLong(40_000), random.nextLong()));

      Hop hop =
          Hop.run(
              a,
              b,
              streams(3).withMaxBandwidth(60 << 20).withDowntimeLimit(Duration.ofMillis(100)));

      assertMoved(hop, a, b);
      assertThat(hop.progress().ram().passes()).isGreaterThan(2);
    }
  }

  @Test
  void anOlderPeerGetsOneConnection() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 1000, 1);
      DestinationParameters older =
          new DestinationParameters(
              Duration.ofSeconds(10), Duration.ofSeconds(10), Protocol.VERSION_2);
      Hop hop = Hop.run(a, b, streams(2), older, MigrationListener.NONE);
      assertMoved(hop, a, b);
      assertThat(hop.progress().traffic().streams()).isZero();
    }
  }

  @Test
  void strangersAreTurnedAway() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      a.fill(0, 20_000, 1);
      CompletableFuture<IncomingResult> received =
          Hop.receiveAmongStrangers(destination, b, Hop.DESTINATION);
      // They wait in the queue of the listening socket, in front of the real streams.
      a.beforeDescription(
          () -> {
            knock(destination.uri());
            intrude(destination.uri());
          });
      MigrationSource source =
          new MigrationSource(a, destination.uri(), streams(2), MigrationListener.NONE);
      source.start();
      assertMoved(Hop.of(source.await(), received), a, b);
    }
  }

  /** Connects, says that it is a stream of another migration, and stays until it is sent away. */
  private static void intrude(MigrationUri uri) {
    try {
      MigrationChannel stranger = MigrationChannel.open(uri);
      stranger.connect(Duration.ofSeconds(5));
      FrameWriter writer = new FrameWriter(stranger, false);
      writer.frame(FrameType.STREAM, new StreamSetup(2, 1, 2).greeting(0).encode());
      writer.flush();
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                stranger.drain();
                stranger.close();
              });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Connects and goes away, as one does who looks for open ports. */
  private static void knock(MigrationUri uri) {
    try (MigrationChannel stranger = MigrationChannel.open(uri)) {
      stranger.connect(Duration.ofSeconds(5));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void strangersThatBreakAreTurnedAway() throws Exception {
    StreamSetup setup = new StreamSetup(1, 4, 2);
    byte[] passEnd =
        Frames.of(FrameType.PASS_END.code(), Protocol.FLAG_FINAL, 0, 1, 0, new byte[0]);
    for (byte[] stranger :
        List.of(
            new byte[0],
            new byte[7],
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n        ".getBytes(UTF_8),
            Frames.of(FrameType.STREAM, new byte[0]),
            Frames.of(FrameType.ERROR, new byte[] {'?'}))) {
      try (TestMachine machine = TestMachine.waiting(2);
          MigrationDestination destination = Hop.listen()) {
        MigrationConfig config =
            new MigrationConfig(
                machine.description(),
                List.of(new MigrationConfig.Block(RamBlock.RAM, 2 << 20)),
                false,
                setup);
        CompletableFuture<IncomingResult> received =
            Hop.receiveAmongStrangers(destination, machine, Hop.DESTINATION);
        List<byte[]> main =
            List.of(
                Frames.of(FrameType.HELLO, new Messages.Hello(3, 3).encode()),
                Frames.of(FrameType.CONFIG, config.encode(3)),
                passEnd,
                Frames.of(FrameType.READY, new byte[0]));
        List<byte[]> stream =
            List.of(Frames.of(FrameType.STREAM, setup.greeting(0).encode()), passEnd);
        // They wait in this order. The last may have said all before it is due, and must not go.
        try (RawPeer first = RawPeer.send(destination.uri(), main);
            RawPeer second = RawPeer.send(destination.uri(), List.of(stranger));
            RawPeer third = RawPeer.sendAndStay(destination.uri(), stream)) {
          assertThat(List.of(first, second, third)).doesNotContainNull();
          assertThat(Hop.of(MigrationProgress.IDLE, received).failure())
              .as("all passes have ended")
              .hasMessageStartingWith("READY: not now, the destination expects one of [STATE_SEC");
        }
      }
    }
  }

  @Test
  void aCancelEndsAllStreamsAndTheGuestGoesOn() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      a.fill(0, 60_000, 1);
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, Hop.DESTINATION);
      MigrationSource source =
          new MigrationSource(
              a, destination.uri(), streams(3).withMaxBandwidth(8 << 20), MigrationListener.NONE);
      source.start();
      while (source.progress().ram().normal() < 1000) {
        Thread.onSpinWait();
      }
      source.cancel();
      Hop hop = Hop.of(source.await(), received);
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.CANCELLED);
      assertThat(hop.failure()).hasMessageContaining("cancelled at the source");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      assertThat(a.dirtyLog().isRunning()).isFalse();
      assertThat(streamThreads()).isEmpty();
    }
  }

  private static List<String> streamThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("migration-stream") || name.startsWith("incoming-stream"))
        .toList();
  }
}
