package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.FaultyProxy;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * A stream that a source of protocol version 1 sent once, byte for byte, still brings its guest: a
 * version that is out in the world cannot be changed any more.
 */
@Timeout(60)
class RecordedStreamTest {
  private static final String STREAM = "version1.stream";
  private static final long MIB = 4;

  /** The machine that was recorded: 6 pages with content, 3 pages in the balloon. */
  private static TestMachine recordedMachine() throws IOException {
    TestMachine machine = new TestMachine(MIB, RunState.RUNNING);
    machine.fill(10, 5, 2016);
    machine.fill(1000, 1, 4);
    machine.balloon().inflate(500, 3);
    return machine;
  }

  private static byte[] stream() throws IOException {
    try (InputStream in = RecordedStreamTest.class.getResourceAsStream(STREAM)) {
      return Objects.requireNonNull(in, STREAM).readAllBytes();
    }
  }

  /** Plays the stream, whose COMMIT follows without a look at what the destination answers. */
  private static IncomingResult play(TestMachine into) throws Exception {
    try (MigrationDestination destination = Hop.listen()) {
      CompletableFuture<IncomingResult> received = Hop.receive(destination, into, Hop.DESTINATION);
      MigrationUri.Tcp address = (MigrationUri.Tcp) destination.uri();
      try (Socket socket = new Socket(address.host(), address.port())) {
        socket.getOutputStream().write(stream());
        socket.shutdownOutput();
        assertThat(socket.getInputStream().readAllBytes()).isNotEmpty();
      }
      return received.join();
    }
  }

  @Test
  void aStreamOfVersion1BringsItsGuestWithAnEmptyBitmap() throws Exception {
    try (TestMachine original = recordedMachine();
        TestMachine b = TestMachine.waiting(MIB)) {
      IncomingResult arrived = play(b);
      assertThat(arrived.protocolVersion()).isEqualTo(1);
      assertThat(arrived.bitmapReceived()).isFalse();
      assertThat(arrived.runState()).isEqualTo(RunState.RUNNING);
      assertThat(b.runState()).isEqualTo(RunState.RUNNING);
      assertThat(b.firstDifference(original)).isEqualTo(-1);
      assertThat(b.balloon().excluded().cardinality()).isZero();
    }
  }

  @Test
  void whatTheBalloonTakesFromThenOnIsSkippedByTheNextHop() throws Exception {
    try (TestMachine b = TestMachine.waiting(MIB);
        TestMachine c = TestMachine.waiting(MIB)) {
      play(b);
      b.balloon().inflate(12, 2);
      b.balloon().inflate(700, 40);
      Hop hop = Hop.run(b, c, Hop.PARAMETERS);
      assertThat(hop.progress().error()).isEmpty();
      assertThat(hop.arrived().protocolVersion()).isEqualTo(Protocol.MAX_VERSION);
      assertThat(hop.progress().balloon().active()).isTrue();
      assertThat(hop.progress().balloon().pagesSkipped()).isEqualTo(42);
      assertThat(hop.progress().ram().normal()).isEqualTo(4);
      assertThat(c.balloon().excluded().cardinality()).isEqualTo(42);
      assertThat(c.firstDifference(b)).isEqualTo(-1);
    }
  }

  /**
   * How the stream came about: {@code -Dballast.record=FILE} writes what the present source sends
   * with {@code maxProtocolVersion} 1. It is not written again when the source changes.
   */
  @Test
  @EnabledIfSystemProperty(
      named = "ballast.record",
      matches = ".+",
      disabledReason = "records a new stream only with -Dballast.record=FILE")
  void recordsAStream() throws Exception {
    try (TestMachine a = recordedMachine();
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen();
        FaultyProxy proxy =
            new FaultyProxy(
                destination.uri(), FaultyProxy.Fault.NONE, FaultyProxy.Direction.FORTH, 0)) {
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, Hop.DESTINATION);
      MigrationSource source =
          new MigrationSource(
              a,
              proxy.uri(),
              Hop.PARAMETERS.withMaxProtocolVersion(Protocol.VERSION_1),
              MigrationListener.NONE);
      source.start();
      assertThat(source.await().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(received.join().protocolVersion()).isEqualTo(1);
      Files.write(Path.of(System.getProperty("ballast.record")), proxy.recorded());
    }
  }
}
