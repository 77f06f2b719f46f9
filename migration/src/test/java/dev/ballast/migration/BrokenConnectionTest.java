package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingMigration;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.FaultyProxy;
import dev.ballast.migration.testing.FaultyProxy.Direction;
import dev.ballast.migration.testing.FaultyProxy.Fault;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Connections that are cut, stalled or damaged at every frame boundary and at seeded places inside
 * frames: the guest never runs twice, and before COMMIT it always runs at the source.
 */
@Timeout(300)
class BrokenConnectionTest {
  private static final long SEED = 20_16;
  private static final long MIB = 4;
  private static final Duration SHORT = Duration.ofMillis(150);

  /**
   * One try.
   *
   * @param hop how it ended
   * @param stream what the source sent
   * @param harmed whether the fault happened
   * @param source the state of the source afterwards
   * @param destination the state of the destination afterwards
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Try(
      Hop hop, byte[] stream, boolean harmed, RunState source, RunState destination) {}

  private static Try migrate(Fault fault, Direction direction, long position) throws Exception {
    MigrationParameters parameters =
        fault == Fault.STALL ? Hop.PARAMETERS.edit().silenceTimeout(SHORT).build() : Hop.PARAMETERS;
    DestinationParameters destinationParameters =
        fault == Fault.STALL
            ? new DestinationParameters(SHORT.multipliedBy(20), SHORT, Protocol.MAX_VERSION)
            : Hop.DESTINATION;
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen();
        FaultyProxy proxy = new FaultyProxy(destination.uri(), fault, direction, position)) {
      a.fill(0, 20, SEED);
      a.fill(300, 3, SEED);
      a.balloon().inflate(500, 100);
      CompletableFuture<IncomingMigration> received =
          Hop.receive(destination, b, destinationParameters);
      MigrationSource source =
          new MigrationSource(a, proxy.uri(), parameters, MigrationListener.NONE);
      source.start();
      Hop hop = Hop.of(source.await(), received);
      Try result = new Try(hop, proxy.recorded(), proxy.harmed(), a.runState(), b.runState());
      assertThat(a.dirtyLog().isRunning()).as("dirty log").isFalse();
      if (b.runState() == RunState.RUNNING) {
        assertThat(b.firstDifference(a)).as("first page that differs").isEqualTo(-1);
      }
      return result;
    }
  }

  /** Where frames start in a stream. */
  private static List<Integer> boundaries(byte[] stream) {
    ByteBuffer bytes = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN);
    List<Integer> starts = new ArrayList<>();
    int at = 0;
    while (at < stream.length) {
      assertThat(bytes.getInt(at)).as("magic at %d", at).isEqualTo(Protocol.MAGIC);
      starts.add(at);
      at += Protocol.HEADER_BYTES + bytes.getInt(at + 32);
    }
    return starts;
  }

  private static int commitStart(byte[] stream) {
    int last = boundaries(stream).getLast();
    int type = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN).getShort(last + 4);
    assertThat(type).as("last frame").isEqualTo(FrameType.COMMIT.code());
    return last;
  }

  private static byte[] cleanStream() throws Exception {
    Try clean = migrate(Fault.NONE, Direction.FORTH, 0);
    assertThat(clean.hop().progress().error()).isEmpty();
    assertThat(clean.destination()).isEqualTo(RunState.RUNNING);
    return clean.stream();
  }

  private static List<Integer> positions(byte[] stream, int inside) {
    List<Integer> positions = boundaries(stream);
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < inside; i++) {
      positions.add(random.nextInt(stream.length));
    }
    // Not only page content, of which there is so much: headers and control frames, too.
    for (int start : boundaries(stream)) {
      positions.add(Math.min(stream.length - 1, start + 1 + random.nextInt(60)));
    }
    return positions;
  }

  @Test
  void whereverTheStreamIsCutTheGuestRunsOnce() throws Exception {
    byte[] stream = cleanStream();
    for (int position : positions(stream, 40)) {
      Try cut = migrate(Fault.CUT, Direction.FORTH, position);
      assertThat(cut.harmed()).isTrue();
      checkOutcome(cut, position, commitStart(stream));
    }
  }

  @Test
  void whereverABitFlipsTheGuestRunsOnce() throws Exception {
    byte[] stream = cleanStream();
    for (int position : positions(stream, 80)) {
      Try flipped = migrate(Fault.FLIP, Direction.FORTH, position);
      assertThat(flipped.harmed()).isTrue();
      checkOutcome(flipped, position, commitStart(stream));
      if (position < commitStart(stream)) {
        assertThat(flipped.hop().progress().error().orElse(""))
            .as("the source names what the destination found, byte %d", position)
            .startsWith("the destination gave up: ");
      }
    }
  }

  @Test
  void whereverTheStreamStallsBothSidesNotice() throws Exception {
    byte[] stream = cleanStream();
    List<Integer> positions = positions(stream, 0);
    for (int i = 0; i < positions.size(); i += 3) {
      Try stalled = migrate(Fault.STALL, Direction.FORTH, positions.get(i));
      checkOutcome(stalled, positions.get(i), commitStart(stream));
      // The first that loses patience closes the connection, which the other may notice first.
      assertThat(stalled.hop().failure().getMessage() + stalled.hop().progress().error())
          .containsPattern("the other side (sent|takes) nothing for 150 ms");
    }
  }

  @Test
  void whateverHappensToTheAnswersTheGuestRunsOnce() throws Exception {
    // HELLO_REPLY has 4 bytes of payload; CONFIG_REPLY, READY and RUNNING have none.
    int header = Protocol.HEADER_BYTES;
    int running = 3 * header + 4;
    for (int position = 0; position < running + header; position += 7) {
      for (Fault fault : List.of(Fault.CUT, Fault.FLIP)) {
        Try broken = migrate(fault, Direction.BACK, position);
        assertThat(broken.harmed()).isTrue();
        assertThat(broken.hop().progress().status()).isEqualTo(MigrationStatus.FAILED);
        if (position < running) {
          assertThat(broken.source()).as("%s at %d", fault, position).isEqualTo(RunState.RUNNING);
          assertThat(broken.destination()).isEqualTo(RunState.INMIGRATE);
        } else {
          assertThat(broken.source()).isEqualTo(RunState.POSTMIGRATE);
          assertThat(broken.destination()).isEqualTo(RunState.RUNNING);
          assertThat(broken.hop().progress().error().orElse(""))
              .startsWith("the guest was handed over, but the destination did not confirm it: ");
        }
      }
    }
  }

  private static void checkOutcome(Try result, int position, int commit) {
    String where = "byte " + position + ", COMMIT starts at " + commit;
    assertThat(result.hop().progress().status()).as(where).isEqualTo(MigrationStatus.FAILED);
    assertThat(result.hop().progress().error()).as(where).isPresent();
    assertThat(result.hop().failure()).as(where).isNotNull();
    assertThat(result.destination()).as(where).isEqualTo(RunState.INMIGRATE);
    assertThat(result.source())
        .as(where)
        .isEqualTo(position < commit ? RunState.RUNNING : RunState.POSTMIGRATE);
  }
}
