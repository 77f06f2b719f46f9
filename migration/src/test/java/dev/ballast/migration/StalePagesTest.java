package dev.ballast.migration;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.migration.channel.SocketUri;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.RawPeer;
import dev.ballast.migration.testing.TestBacking;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Pages that were sent with content and went into the balloon afterwards. */
@Timeout(120)
class StalePagesTest {
  private static final long MIB = 64;
  private static final long PAGES = 8000;

  private static MigrationParameters parameters(int streams) {
    return Hop.over(streams, Hop.PARAMETERS)
        .withMaxBandwidth(60 << 20)
        .withDowntimeLimit(Duration.ofMillis(20));
  }

  private static MigrationConfig config(TestMachine machine, StreamSetup streams) {
    return new MigrationConfig(
        machine.description(),
        List.of(
            new MigrationConfig.Block(RamBlock.RAM, MIB << 20),
            new MigrationConfig.Block(RamBlock.BALLOON_BITMAP, RamBlock.PAGE_SIZE)),
        false,
        streams);
  }

  private static byte[] sevens(int pages) {
    byte[] content = new byte[pages * RamBlock.PAGE_SIZE];
    Arrays.fill(content, (byte) 7);
    return content;
  }

  /** A {@code BITMAP} frame by which pages 0 to 63 are in the balloon. */
  private static byte[] firstWordInTheBalloon() {
    ByteBuffer word = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    word.putInt(0).putInt(1 << 1).putLong(-1);
    return Frames.of(FrameType.BITMAP.code(), 1, 1, 0, 1, word.array());
  }

  /** The connection ends after a pass that was not the last: what is discarded by then is. */
  @Test
  void areDiscardedAtTheEndOfEachPass() throws Exception {
    TestBacking backing = new TestBacking(MIB << 20, RamBlock.PAGE_SIZE);
    try (TestMachine machine = new TestMachine(backing, RunState.INMIGRATE);
        MigrationDestination destination = Hop.listen()) {
      List<byte[]> frames =
          List.of(
              Frames.of(FrameType.HELLO, new Messages.Hello(1, Protocol.MAX_VERSION).encode()),
              Frames.of(
                  FrameType.CONFIG, config(machine, StreamSetup.NONE).encode(Protocol.MAX_VERSION)),
              Frames.of(FrameType.RAM_PAGES.code(), 0, 0, 0, 100, sevens(100)),
              firstWordInTheBalloon(),
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

  /** Another connection may be in the middle of a run that was ballooned after it was sent. */
  @Test
  void areNotDiscardedWhileTheyArrive() throws Exception {
    TestBacking backing = new TestBacking(MIB << 20, RamBlock.PAGE_SIZE);
    StreamSetup setup = new StreamSetup(1, 4, 2);
    try (TestMachine machine = new TestMachine(backing, RunState.INMIGRATE);
        MigrationDestination destination = Hop.listen();
        SocketChannel main = SocketChannel.open();
        SocketChannel stream = SocketChannel.open()) {
      CompletableFuture<IncomingResult> received =
          Hop.receive(destination, machine, Hop.DESTINATION);
      SocketUri uri = (SocketUri) destination.uri();
      uri.connect(main);
      send(main, Frames.of(FrameType.HELLO, new Messages.Hello(1, Protocol.MAX_VERSION).encode()));
      send(main, Frames.of(FrameType.CONFIG, config(machine, setup).encode(Protocol.MAX_VERSION)));
      uri.connect(stream);
      send(stream, Frames.of(FrameType.STREAM, setup.greeting(0).encode()));
      byte[] run = Frames.of(FrameType.RAM_PAGES.code(), 0, 0, 0, 64, sevens(64));
      int half = run.length / 2;
      send(stream, Arrays.copyOf(run, half));
      await().until(() -> machine.ram().get(JAVA_BYTE, 0) == 7);

      send(main, firstWordInTheBalloon());
      send(main, Frames.of(FrameType.PASS_END.code(), 0, 0, 1, 0, new byte[0]));
      await()
          .during(Duration.ofMillis(200))
          .until(() -> backing.discardedBytes() == 0 && machine.ram().get(JAVA_BYTE, 0) == 7);
      send(stream, Arrays.copyOfRange(run, half, run.length));
      send(stream, Frames.of(FrameType.PASS_END.code(), 0, 0, 1, 0, new byte[0]));

      await().until(() -> backing.discardedBytes() == 64 * RamBlock.PAGE_SIZE);
      assertThat(machine.populated().cardinality()).isZero();
      main.shutdownOutput();
      assertThat(Hop.of(MigrationProgress.IDLE, received).failure()).isNotNull();
    }
  }

  private static void send(SocketChannel to, byte[] frame) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(frame);
    while (bytes.hasRemaining()) {
      to.write(bytes);
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
