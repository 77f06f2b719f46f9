package dev.ballast.migration.destination;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.PeerFailedException;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a destination answers to a source that does not keep to the protocol. */
@Timeout(120)
class HostileSourceTest {
  private static final long MIB = 4;
  private static final long PAGES = 1024;
  private static final byte[] COUNTER =
      new Messages.StateSection("counter", 2, new byte[8]).encode();

  /** The peer of a destination, frame by frame. */
  private static final class Peer {
    final MigrationChannel channel;
    final FrameWriter writer;
    final FrameReader reader;

    Peer(MigrationChannel channel) {
      this.channel = channel;
      this.writer = new FrameWriter(channel, true);
      this.reader = new FrameReader(channel);
    }

    void greet() throws IOException {
      writer.frame(FrameType.HELLO, new Messages.Hello(1, Protocol.MAX_VERSION).encode());
      writer.flush();
      reader.expect(FrameType.HELLO_REPLY);
      reader.payload();
    }

    void configure(TestMachine like, long bitmapBytes) throws IOException {
      sendConfig(like, bitmapBytes);
      reader.expect(FrameType.CONFIG_REPLY);
    }

    void sendConfig(TestMachine like, long bitmapBytes) throws IOException {
      greet();
      writer.frame(
          FrameType.CONFIG,
          new MigrationConfig(
                  like.description(),
                  List.of(
                      new MigrationConfig.Block(RamBlock.RAM, MIB << 20),
                      new MigrationConfig.Block(RamBlock.BALLOON_BITMAP, bitmapBytes)),
                  false,
                  StreamSetup.NONE)
              .encode(Protocol.MAX_VERSION));
      writer.flush();
    }

    /** Writes a header with whatever it is told, and a right checksum over it. */
    void header(int type, int flags, int block, long page, long pages, int length)
        throws IOException {
      header(type, flags, block, 0, page, pages, length);
    }

    private void header(
        int type, int flags, int block, int checksum, long page, long pages, int length)
        throws IOException {
      ByteBuffer header =
          ByteBuffer.allocate(Protocol.HEADER_BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putInt(Protocol.MAGIC)
              .putShort((short) type)
              .putShort((short) flags)
              .putInt(block)
              .putInt(checksum)
              .putLong(page)
              .putLong(pages)
              .putInt(length);
      CRC32C crc = new CRC32C();
      crc.update(header.duplicate().flip());
      channel.write(header.putInt((int) crc.getValue()).flip());
    }
  }

  /** Sends one page of ones with a checksum for it that is right or wrong. */
  private static void page(Peer peer, long page, boolean right) throws IOException {
    byte[] content = new byte[RamBlock.PAGE_SIZE];
    Arrays.fill(content, (byte) 1);
    ByteBuffer table = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    table.putInt(0, checksum(content) + (right ? 0 : 1));
    peer.writer.flush();
    peer.header(
        FrameType.RAM_PAGES.code(),
        Protocol.FLAG_PAGE_CHECKSUMS | Protocol.FLAG_PAYLOAD_CHECKSUM,
        0,
        checksum(table.array()),
        page,
        1,
        4 + content.length);
    peer.channel.write(table, ByteBuffer.wrap(content));
  }

  private static int checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  /**
   * A page that a running guest wrote to while it was sent has a wrong checksum, and comes again.
   */
  @Test
  void aDamagedPageMustComeAgain() throws Exception {
    assertThat(
            inRam(
                peer -> {
                  page(peer, 5, false);
                  page(peer, 6, false);
                  page(peer, 7, true);
                  peer.writer.passEnd(1, true);
                }))
        .isEqualTo(
            "RAM_PAGES: page 5 of block ram was damaged on its way (wrong checksum), and 1 others");
    assertThat(
            inRam(
                peer -> {
                  page(peer, 5, false);
                  page(peer, 6, false);
                  page(peer, 7, false);
                  peer.writer.passEnd(1, false);
                  page(peer, 5, true);
                  peer.writer.zeroPages(0, 6, 1);
                  byte[] inBalloon = new byte[16];
                  inBalloon[4] = 2;
                  inBalloon[8] = (byte) 0x80;
                  peer.writer.frame(FrameType.BITMAP, 1, 0, 1, ByteBuffer.wrap(inBalloon));
                  peer.writer.passEnd(2, true);
                  peer.writer.signal(FrameType.READY);
                }))
        .startsWith("READY: not now, the destination expects one of [STATE_SECTION");
  }

  /** What the peer does. */
  @FunctionalInterface
  private interface Script {
    void play(Peer peer, TestMachine destination) throws IOException;
  }

  /** Lets a script run against a destination; returns why the destination gave up. */
  private static String outcome(Script script) throws Exception {
    try (TestMachine machine = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen();
        MigrationChannel channel = MigrationChannel.open(destination.uri())) {
      CompletableFuture<IncomingResult> received =
          Hop.receive(destination, machine, Hop.DESTINATION);
      channel.connect(Duration.ofSeconds(5));
      Peer peer = new Peer(channel);
      script.play(peer, machine);
      peer.writer.flush();
      // Whatever went wrong, the source is told exactly what the destination knows.
      String told = told(peer);
      assertThat(channel.writeLast(ByteBuffer.allocate(0))).as("end of the stream").isTrue();
      IOException failure = Hop.of(MigrationProgress.IDLE, received).failure();
      assertThat(machine.runState()).isEqualTo(RunState.INMIGRATE);
      assertThat(told).isEqualTo(Objects.requireNonNull(failure).getMessage());
      return told;
    }
  }

  private static String told(Peer peer) {
    String[] told = new String[1];
    assertThatThrownBy(() -> peer.reader.expect(FrameType.RUNNING))
        .isInstanceOfSatisfying(
            PeerFailedException.class, e -> told[0] = String.valueOf(e.getMessage()));
    return told[0];
  }

  @Test
  void noMigrationStreamAtAll() throws Exception {
    assertThat(
            outcome(
                (peer, machine) ->
                    peer.channel.write(
                        ByteBuffer.wrap(
                            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n        ".getBytes(UTF_8)))))
        .isEqualTo("not a migration stream: a frame starts with 0x20544547");
  }

  @Test
  void versionsThatNobodySpeaks() throws Exception {
    assertThat(outcome((peer, machine) -> hello(peer, 7, 9)))
        .isEqualTo("protocol version: source has 7 to 9, destination has 1 to 6");
    assertThat(outcome((peer, machine) -> hello(peer, 0, 9)))
        .isEqualTo("HELLO: oldest version is 0, expected 1 to 2147483647");
    assertThat(outcome((peer, machine) -> hello(peer, 2, 1))).contains("newest version is 1");
  }

  private static void hello(Peer peer, int min, int max) throws IOException {
    peer.writer.frame(FrameType.HELLO, new Messages.Hello(min, max).encode());
  }

  @Test
  void framesOutOfOrder() throws Exception {
    assertThat(outcome((peer, machine) -> peer.writer.signal(FrameType.COMMIT)))
        .isEqualTo("COMMIT: not now, the destination expects one of [HELLO]");
    assertThat(
            outcome(
                (peer, machine) -> {
                  peer.greet();
                  peer.writer.passEnd(1, true);
                }))
        .isEqualTo("PASS_END: not now, the destination expects one of [CONFIG]");
    assertThat(inRam(peer -> peer.writer.signal(FrameType.COMMIT)))
        .isEqualTo(
            "COMMIT: not now, the destination expects one of [RAM_PAGES, ZERO_PAGES, BITMAP,"
                + " PASS_END]");
    assertThat(inRam(peer -> peer.writer.frame(FrameType.STATE_SECTION, COUNTER)))
        .startsWith("STATE_SECTION: not now");
    assertThat(inRam(peer -> peer.writer.signal(FrameType.READY))).startsWith("READY: not now");
    assertThat(inRam(peer -> peer.writer.passEnd(2, false)))
        .isEqualTo("PASS_END: pass 2, expected 1");
    assertThat(inState(peer -> peer.writer.zeroPages(0, 0, 1))).startsWith("ZERO_PAGES: not now");
    assertThat(inState(peer -> peer.writer.signal(FrameType.COMMIT)))
        .isEqualTo("COMMIT: not now, the destination expects one of [STATE_SECTION, STATE_END]");
  }

  /** What the peer does once it is in some phase. */
  @FunctionalInterface
  private interface Step {
    void play(Peer peer) throws IOException;
  }

  private static String inRam(Step step) throws Exception {
    return outcome(
        (peer, machine) -> {
          peer.configure(machine, 4096);
          step.play(peer);
        });
  }

  private static String inState(Step step) throws Exception {
    return inRam(
        peer -> {
          peer.writer.passEnd(1, true);
          step.play(peer);
        });
  }

  @Test
  void pagesOutsideOfRam() throws Exception {
    long[][] ranges = {
      {PAGES, 1},
      {PAGES - 1, 2},
      {-1, 1},
      {0, 0},
      {0, -1},
      {0, 513},
      {Long.MAX_VALUE, 1},
      {Long.MAX_VALUE - 1, 2},
      {1L << 52, 1},
      {Long.MIN_VALUE, 512},
      {1, Long.MAX_VALUE}
    };
    for (long[] range : ranges) {
      assertThat(
              inRam(
                  peer -> peer.header(FrameType.RAM_PAGES.code(), 0, 0, range[0], range[1], 4096)))
          .startsWith("RAM_PAGES: page " + Long.toUnsignedString(range[0]))
          .endsWith("block ram has 1024, a frame at most 512");
    }
    assertThat(inRam(peer -> peer.writer.zeroPages(0, 1000, 25)))
        .startsWith("ZERO_PAGES: page 1000");
    assertThat(inRam(peer -> peer.writer.zeroPages(0, 1, Long.MAX_VALUE)))
        .startsWith("ZERO_PAGES: page 1, 9223372036854775807 of them");
    assertThat(inRam(peer -> peer.writer.zeroPages(7, 1, 1)))
        .isEqualTo("ZERO_PAGES: block 7, expected one of [0]");
    assertThat(inRam(peer -> peer.writer.zeroPages(1, 0, 1)))
        .isEqualTo("ZERO_PAGES: block 1, expected one of [0]");
    assertThat(inRam(peer -> peer.header(FrameType.RAM_PAGES.code(), 0, 0, 0, 2, 4096)))
        .isEqualTo("RAM_PAGES: 4096 bytes of payload for 2 pages, expected 8192");
  }

  @Test
  void lengthsAreCappedBeforeAnythingIsAllocated() throws Exception {
    for (FrameType type : FrameType.values()) {
      for (int length : new int[] {type.maxPayload() + 1, Integer.MAX_VALUE, -1}) {
        assertThat(outcome((peer, machine) -> peer.header(type.code(), 0, 0, 0, 0, length)))
            .isEqualTo(
                type
                    + ": "
                    + Integer.toUnsignedString(length)
                    + " bytes of payload, the limit is "
                    + type.maxPayload());
      }
    }
    assertThat(outcome((peer, machine) -> peer.header(99, 0, 0, 0, 0, 0)))
        .isEqualTo("unknown frame type 99");
    assertThat(outcome((peer, machine) -> peer.header(1, 0x8000, 0, 0, 0, 0)))
        .isEqualTo("HELLO: unknown flags 0x8000");
  }

  @Test
  void bitmapsThatWereNotAnnouncedOrDoNotFit() throws Exception {
    byte[] word = new byte[16];
    word[4] = 2;
    assertThat(
            outcome(
                (peer, machine) -> {
                  peer.configure(machine, 0);
                  peer.writer.frame(FrameType.BITMAP, 1, 0, 1, ByteBuffer.wrap(word));
                }))
        .isEqualTo("BITMAP: block 1, but none was announced");
    assertThat(inRam(peer -> peer.writer.frame(FrameType.BITMAP, 0, 0, 1, ByteBuffer.wrap(word))))
        .isEqualTo("BITMAP: block 0, expected 1");
    assertThat(inRam(peer -> peer.writer.frame(FrameType.BITMAP, 1, 16, 1, ByteBuffer.wrap(word))))
        .isEqualTo("BITMAP: words 16, 1 of them; the bitmap has 16");
    assertThat(outcome((peer, machine) -> peer.sendConfig(machine, 8192)))
        .isEqualTo("RAM block balloon-bitmap: source has 8192 bytes, destination has 4096 bytes");
  }

  /** Returns what becomes of a whole state with this counter in it. */
  private static String loading(byte[] counter) throws Exception {
    return inState(
        peer -> {
          section(peer, "counter", 2, counter);
          filler(peer);
          end(peer, "running");
        });
  }

  @Test
  void stateThatIsMissingDoubledOutOfOrderOrUnknown() throws Exception {
    assertThat(inState(peer -> end(peer, "running")))
        .isEqualTo("STATE_END: section 'counter' is missing");
    assertThat(
            inState(
                peer -> {
                  section(peer, COUNTER);
                  section(peer, COUNTER);
                }))
        .isEqualTo("STATE_SECTION: section 'counter', expected filler");
    assertThat(inState(peer -> section(peer, "filler", 1, new byte[0])))
        .isEqualTo("STATE_SECTION: section 'filler', expected counter");
    assertThat(inState(peer -> section(peer, "counter", 3, new byte[8])))
        .isEqualTo("STATE_SECTION: section counter has version 3, the newest known here is 2");
    assertThat(inState(peer -> section(peer, "counter", 0, new byte[8])))
        .isEqualTo("STATE_SECTION: version is 0, expected 1 to 2147483647");
    assertThat(loading(new byte[9])).isEqualTo("counter: 1 bytes are left over");
    assertThat(loading(new byte[7])).startsWith("counter: state ends at byte 7");
    assertThat(inState(peer -> section(peer, "\u001b[2Jx", 2, new byte[7])))
        .isEqualTo("STATE_SECTION: a name is not printable ASCII");
    for (String state : List.of("inmigrate", "postmigrate", "finish-migrate", "gone", "")) {
      assertThat(
              inState(
                  peer -> {
                    section(peer, COUNTER);
                    filler(peer);
                    end(peer, state);
                  }))
          .isEqualTo("STATE_END: run state '" + state + "'");
    }
  }

  private static void section(Peer peer, byte[] payload) throws IOException {
    peer.writer.frame(FrameType.STATE_SECTION, payload);
  }

  private static void section(Peer peer, String name, int version, byte[] state)
      throws IOException {
    section(peer, new Messages.StateSection(name, version, state).encode());
  }

  private static void filler(Peer peer) throws IOException {
    ByteBuffer state = ByteBuffer.allocate(100_004).order(ByteOrder.LITTLE_ENDIAN);
    section(peer, "filler", 1, state.putInt(0, 100_000).array());
  }

  private static void end(Peer peer, String runState) throws IOException {
    byte[] name = runState.getBytes(UTF_8);
    ByteBuffer payload = ByteBuffer.allocate(4 + name.length).order(ByteOrder.LITTLE_ENDIAN);
    peer.writer.frame(FrameType.STATE_END, payload.putInt(name.length).put(name).array());
  }

  @Test
  void aSourceThatCancelsOrGivesUpIsUnderstood() throws Exception {
    assertThat(inRam(peer -> peer.writer.signal(FrameType.CANCEL)))
        .isEqualTo("the migration was cancelled at the source");
    assertThat(
            inState(
                peer ->
                    peer.writer.frame(
                        FrameType.ERROR,
                        new Messages.Failure("no\u001b[2J more\nmemory").encode())))
        .isEqualTo("no [2J more memory");
  }

  @Test
  void descriptionsThatCannotBe() throws Exception {
    for (long seed = 0; seed < 60; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      String failure =
          outcome(
              (peer, machine) -> {
                peer.greet();
                byte[] config =
                    new MigrationConfig(
                            machine.description(),
                            List.of(new MigrationConfig.Block(RamBlock.RAM, MIB << 20)),
                            false,
                            StreamSetup.NONE)
                        .encode(Protocol.MAX_VERSION);
                config[random.nextInt(16)] ^= (byte) (1 << random.nextInt(8));
                peer.writer.frame(FrameType.CONFIG, config);
              });
      assertThat(failure).as("seed %d", seed).contains("source has").contains("destination has");
    }
    MachineDescription huge =
        new MachineDescription(
            -1,
            4096,
            1,
            List.of(),
            List.of(),
            List.of(new MachineDescription.RamRange(0, -1)),
            List.of());
    assertThat(
            outcome(
                (peer, machine) -> {
                  peer.greet();
                  peer.writer.frame(
                      FrameType.CONFIG,
                      new MigrationConfig(
                              huge,
                              List.of(new MigrationConfig.Block("ram", -4096)),
                              false,
                              StreamSetup.NONE)
                          .encode(Protocol.MAX_VERSION));
                }))
        .startsWith("memory: source has -1 bytes");
  }
}
