package dev.ballast.migration.destination;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.RawPeer;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** What a destination answers to compressed pages that are not what they should be. */
@Timeout(120)
class HostileCompressionTest {
  private static final long SEED = 31;
  private static final long MIB = 4;
  private static final int PAGE = RamBlock.PAGE_SIZE;
  private static final int COMPRESSED = Protocol.FLAG_COMPRESSED | Protocol.FLAG_PAYLOAD_CHECKSUM;
  private static final byte[] PASS_END =
      Frames.of(FrameType.PASS_END.code(), Protocol.FLAG_FINAL, 0, 1, 0, new byte[0]);

  private static byte[] config(TestMachine machine, PageCompression compression, int version) {
    MigrationConfig config =
        new MigrationConfig(
            machine.description(),
            List.of(new MigrationConfig.Block(RamBlock.RAM, MIB << 20)),
            false,
            StreamSetup.NONE,
            compression);
    return Frames.of(FrameType.CONFIG, config.encode(version));
  }

  private static byte[] hello(int version) {
    return Frames.of(FrameType.HELLO, new Messages.Hello(1, version).encode());
  }

  /** Returns why a destination gave up; it was to write to {@code pages} pages of 100 and up. */
  private static String refusal(TestMachine machine, int pages, List<byte[]> frames)
      throws IOException {
    try (MigrationDestination destination = Hop.listen();
        RawPeer peer = RawPeer.send(destination.uri(), frames)) {
      assertThat(peer).isNotNull();
      CompletableFuture<IncomingResult> received =
          Hop.receive(destination, machine, Hop.DESTINATION);
      IOException failure = Hop.of(MigrationProgress.IDLE, received).failure();
      assertThat(machine.runState()).isEqualTo(RunState.INMIGRATE);
      PageBitmap populated = machine.populated();
      populated.clear(100, pages);
      assertThat(populated.cardinality()).as("pages with content elsewhere").isZero();
      return String.valueOf(Objects.requireNonNull(failure).getMessage());
    }
  }

  private static String refusal(PageCompression compression, int pages, byte[]... frames)
      throws IOException {
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      List<byte[]> all = new ArrayList<>();
      all.add(hello(Protocol.MAX_VERSION));
      all.add(config(machine, compression, Protocol.MAX_VERSION));
      all.addAll(List.of(frames));
      return refusal(machine, pages, all);
    }
  }

  private static byte[] pages(int count) {
    byte[] pages = new byte[count * PAGE];
    for (int at = 0; at < pages.length; at++) {
      pages[at] = (byte) (at / PAGE + at % 100);
    }
    return pages;
  }

  private static byte[] frame(int flags, long page, long pages, byte[] payload) {
    return Frames.of(FrameType.RAM_PAGES.code(), flags, 0, page, pages, payload);
  }

  private static byte[] payload(PageCompression compression, int pages) {
    byte[] frame = Frames.compressed(compression, 0, pages(pages));
    return Arrays.copyOfRange(frame, Protocol.HEADER_BYTES, frame.length);
  }

  @Test
  void compressionThatWasNotAnnounced() throws Exception {
    byte[] sound = Frames.compressed(PageCompression.LZ4, 100, pages(2));
    assertThat(refusal(PageCompression.NONE, 0, sound))
        .isEqualTo("RAM_PAGES: compressed, but CONFIG named no compression");
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      byte[] config = config(machine, PageCompression.LZ4, Protocol.VERSION_3);
      assertThat(refusal(machine, 0, List.of(hello(Protocol.VERSION_3), config, sound)))
          .isEqualTo("RAM_PAGES: compressed, but CONFIG named no compression");
    }
  }

  @Test
  void compressionThatNobodyKnows() throws Exception {
    try (TestMachine machine = TestMachine.waiting(MIB)) {
      for (int unknown : new int[] {3, -1, 256}) {
        byte[] config = config(machine, PageCompression.NONE, Protocol.VERSION_4);
        ByteBuffer.wrap(config)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(config.length - Integer.BYTES, unknown);
        Frames.seal(config, true);
        assertThat(refusal(machine, 0, List.of(hello(Protocol.VERSION_4), config)))
            .isEqualTo(
                "CONFIG: compression is "
                    + Integer.toUnsignedString(unknown)
                    + ", expected 0 to 2");
      }
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void pagesOutsideOfRamOrTooMany(PageCompression compression) throws Exception {
    byte[] payload = payload(compression, 2);
    long total = MIB << 8;
    long[][] ranges = {
      {total, 1},
      {total - 1, 2},
      {-1, 1},
      {0, 0},
      {0, -1},
      {0, Protocol.MAX_COMPRESSED_PAGES + 1},
      {Long.MAX_VALUE, 1},
      {1, Long.MAX_VALUE}
    };
    for (long[] range : ranges) {
      assertThat(refusal(compression, 0, frame(COMPRESSED, range[0], range[1], payload)))
          .startsWith("RAM_PAGES: page " + Long.toUnsignedString(range[0]))
          .endsWith("block ram has 1024, a frame at most 64");
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void lengthsThatCannotBe(PageCompression compression) throws Exception {
    for (int length : new int[] {0, PAGE, PAGE + 1, 512 * PAGE}) {
      assertThat(refusal(compression, 0, frame(COMPRESSED, 100, 1, new byte[length])))
          .isEqualTo(
              "RAM_PAGES: "
                  + length
                  + " bytes of payload for 1 compressed pages, expected 1 to 4095");
    }
    int both = COMPRESSED | Protocol.FLAG_PAGE_CHECKSUMS;
    assertThat(refusal(compression, 0, frame(both, 100, 2, payload(compression, 2))))
        .isEqualTo("RAM_PAGES: compressed, and with a checksum for each page");
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void whatIsDamagedOnItsWayIsNotDecompressed(PageCompression compression) throws Exception {
    byte[] damaged = Frames.compressed(compression, 100, pages(2));
    damaged[damaged.length - 9] ^= 4;
    assertThat(refusal(compression, 0, damaged))
        .isEqualTo("RAM_PAGES: the payload was damaged on its way: wrong checksum");
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void morePagesThanAnnouncedOrFewer(PageCompression compression) throws Exception {
    for (int announced : new int[] {1, 2, 4, 64}) {
      assertThat(
              refusal(
                  compression,
                  announced,
                  frame(COMPRESSED, 100, announced, payload(compression, 3))))
          .startsWith("RAM_PAGES: ");
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void noiseIsRefused(PageCompression compression) throws Exception {
    System.out.println("HostileCompressionTest.noise seed " + SEED);
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 40; i++) {
      byte[] noise = new byte[1 + random.nextInt(2000)];
      random.nextBytes(noise);
      assertThat(refusal(compression, 1, frame(COMPRESSED, 100, 1, noise)))
          .as("noise %d", i)
          .startsWith("RAM_PAGES: ")
          .hasLineCount(1);
    }
  }

  /** A page that a running guest wrote to while it was sent plain may come again compressed. */
  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void aDamagedPageThatComesAgainIsSound(PageCompression compression) throws Exception {
    byte[] wrong = new byte[Integer.BYTES + PAGE];
    Arrays.fill(wrong, (byte) 1);
    int flags = Protocol.FLAG_PAGE_CHECKSUMS | Protocol.FLAG_PAYLOAD_CHECKSUM;
    byte[] suspect = frame(flags, 100, 1, wrong);
    assertThat(refusal(compression, 1, suspect, PASS_END))
        .startsWith("RAM_PAGES: page 100 of block ram was damaged on its way");
    byte[] again = Frames.compressed(compression, 100, pages(1));
    assertThat(
            refusal(
                compression, 1, suspect, again, PASS_END, Frames.of(FrameType.READY, new byte[0])))
        .startsWith("READY: not now, the destination expects one of [STATE_SECTION");
  }
}
