package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.RawPeer;
import dev.ballast.migration.testing.TestBacking;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Pages that were sent with content and went into the balloon afterwards. */
@Timeout(120)
class StalePagesTest {
  private static final long MIB = 64;
  private static final long PAGES = 8000;

  private static MigrationParameters parameters(int streams) {
    return Hop.PARAMETERS
        .edit()
        .streams(streams)
        .maxBandwidth(60 << 20)
        .downtimeLimit(Duration.ofMillis(20))
        .build();
  }

  /** The connection ends after a pass that was not the last: what is discarded by then is. */
  @Test
  void areDiscardedAtTheEndOfEachPass() throws Exception {
    TestBacking backing = new TestBacking(MIB << 20, RamBlock.PAGE_SIZE);
    try (TestMachine machine = new TestMachine(backing, RunState.INMIGRATE);
        MigrationDestination destination = Hop.listen()) {
      MigrationConfig config =
          new MigrationConfig(
              machine.description(),
              List.of(
                  new MigrationConfig.Block(RamBlock.RAM, MIB << 20),
                  new MigrationConfig.Block(RamBlock.BALLOON_BITMAP, RamBlock.PAGE_SIZE)),
              false,
              StreamSetup.NONE);
      byte[] pages = new byte[100 * RamBlock.PAGE_SIZE];
      Arrays.fill(pages, (byte) 7);
      ByteBuffer firstWord = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
      firstWord.putInt(0).putInt(1 << 1).putLong(-1);
      List<byte[]> frames =
          List.of(
              Frames.of(FrameType.HELLO, new Messages.Hello(1, Protocol.MAX_VERSION).encode()),
              Frames.of(FrameType.CONFIG, config.encode(Protocol.MAX_VERSION)),
              Frames.of(FrameType.RAM_PAGES.code(), 0, 0, 0, 100, pages),
              Frames.of(FrameType.BITMAP.code(), 1, 1, 0, 1, firstWord.array()),
              Frames.of(FrameType.PASS_END.code(), 0, 0, 1, 0, new byte[0]));
      try (RawPeer peer = RawPeer.send(destination.uri(), frames)) {
        assertThat(peer).isNotNull();
        assertThatThrownBy(() -> Hop.receiveOnce(destination, machine, Hop.DESTINATION))
            .hasMessageContaining("closed the connection");
      }
      assertThat(backing.discardedBytes()).isEqualTo(64 * RamBlock.PAGE_SIZE);
      assertThat(machine.populated().cardinality()).isEqualTo(36);
    }
  }

  /** A guest that takes pages out of its balloon all the time, while other streams are ahead. */
  @Test
  void thatComeBackAreNotLost() throws Exception {
    long seed = System.nanoTime();
    System.out.println("StalePagesTest seed " + seed);
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, PAGES, seed);
      a.startGuest(
          seed,
          (machine, random) -> {
            long page = random.nextLong(PAGES / 16) * 16;
            if (machine.balloon().excluded().get(page)) {
              machine.balloon().deflate(page, 16);
              machine.guestWrite(page + random.nextLong(16), random.nextLong());
            } else {
              machine.balloon().inflate(page, 16);
            }
          });

      Hop hop = Hop.run(a, b, parameters(3));

      assertThat(hop.progress().error()).as("seed %d", seed).isEmpty();
      assertThat(b.firstDifference(a)).as("seed %d", seed).isEqualTo(-1);
      assertThat(b.firstBalloonedWithContent()).as("seed %d", seed).isEqualTo(-1);
    }
  }
}
