package dev.ballast.migration;

import static dev.ballast.migration.MigrationTest.assertCompleted;
import static dev.ballast.migration.MigrationTest.slow;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Content;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole migrations whose pages are compressed. */
@Timeout(120)
class CompressionTest {
  private static final long MIB = 64;
  private static final long PAGE = 4096;

  private static MigrationParameters compressed(PageCompression compression) {
    return Hop.PARAMETERS.withCompression(compression);
  }

  private static DestinationParameters speaking(int version) {
    return new DestinationParameters(
        Hop.DESTINATION.acceptTimeout(), Hop.DESTINATION.silenceTimeout(), version);
  }

  @ParameterizedTest
  @CsvSource({
    "LZ4,0,true",
    "LZ4,3,true",
    "ZSTD,0,true",
    "ZSTD,3,true",
    "LZ4,0,false",
    "ZSTD,2,false"
  })
  void contentOfEveryKindArrives(PageCompression compression, int streams, boolean checksums)
      throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      // Runs of one page, of as many as a frame may hold, and across the border between two runs.
      a.fill(10, 1, Content.WORDS, 1);
      a.fill(512, 512, Content.WORDS, 2);
      a.fill(1500, 700, Content.HALF, 3);
      a.fill(3000, 100, Content.SPARSE, 4);
      a.fill(4000, 600, Content.RANDOM, 5);
      a.fill(4600, 65, Content.WORDS, 6);
      a.fill(16_383, 1, Content.SPARSE, 7);
      a.balloon().inflate(3050, 20);
      long pages = 1 + 512 + 700 + 80 + 600 + 65 + 1;

      Hop hop =
          Hop.run(a, b, Hop.over(streams, compressed(compression).withPageChecksums(checksums)));

      assertCompleted(hop, a, b);
      assertThat(hop.progress().ram().normal()).isEqualTo(pages);
      assertThat(hop.arrived().pagesReceived()).isEqualTo(pages);
      assertThat(hop.arrived().protocolVersion()).isEqualTo(Protocol.MAX_VERSION);
      assertThat(hop.arrived().bytesRead()).isEqualTo(hop.progress().traffic().transferred());
      // Noise goes as it is, of half of the pages half is left, and little of all others.
      assertThat(hop.progress().traffic().transferred())
          .isBetween((600 + 350) * PAGE, (600 + 350 + 300) * PAGE);
    }
  }

  @Test
  void aHigherLevelOfZstdSendsLess() throws Exception {
    long[] sent = new long[2];
    for (int i = 0; i < 2; i++) {
      try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
          TestMachine b = TestMachine.waiting(MIB)) {
        a.fill(0, 1000, Content.WORDS, 1);
        int level = i == 0 ? 1 : 19;
        Hop hop = Hop.run(a, b, compressed(PageCompression.ZSTD).withZstdLevel(level));
        assertCompleted(hop, a, b);
        sent[i] = hop.progress().traffic().transferred();
      }
    }
    assertThat(sent[1]).isLessThan(sent[0]);
    for (int level : new int[] {0, 21}) {
      assertThatThrownBy(() -> Hop.PARAMETERS.withZstdLevel(level))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("multifd-zstd-level " + level + ": must be 1 to 20");
    }
  }

  @ParameterizedTest
  @CsvSource({"LZ4,0", "LZ4,2", "ZSTD,0", "ZSTD,2"})
  void aBusyGuestWhoseBalloonMovesArrivesWhole(PageCompression compression, int streams)
      throws Exception {
    long seed = 11;
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 3000, Content.RANDOM, seed);
      a.fill(3000, 3000, Content.HALF, seed);
      a.fill(6000, 4000, Content.WORDS, seed);
      a.startGuest(seed, MigrationTest::writeAndBalloon);
      Hop hop = Hop.run(a, b, Hop.over(streams, slow().withCompression(compression)));
      assertCompleted(hop, a, b);
      assertThat(hop.progress().ram().passes()).isGreaterThan(1);
      assertThat(b.steps()).isEqualTo(a.steps()).isPositive();
    }
  }

  /** Who asked for it has a slow link: a silent fall back would be the worse surprise. */
  @ParameterizedTest
  @ValueSource(ints = {Protocol.VERSION_1, Protocol.VERSION_2, Protocol.VERSION_3})
  void anOlderDestinationIsRefusedAndTakesTheGuestWithoutCompression(int version) throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 100, Content.WORDS, 1);
      Hop refused =
          Hop.run(
              a, b, compressed(PageCompression.ZSTD), speaking(version), MigrationListener.NONE);
      String reason =
          "compression zstd needs protocol version 4, and the destination speaks "
              + version
              + ": migrate without it";
      assertThat(refused.progress().status()).isEqualTo(MigrationStatus.FAILED);
      assertThat(refused.progress().error()).contains(reason);
      assertThat(refused.failure()).hasMessage(reason);
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);

      try (TestMachine c = TestMachine.waiting(MIB)) {
        Hop plain = Hop.run(a, c, Hop.PARAMETERS, speaking(version), MigrationListener.NONE);
        assertThat(plain.progress().error()).isEmpty();
        assertThat(plain.arrived().protocolVersion()).isEqualTo(version);
        assertThat(c.firstDifference(a)).isEqualTo(-1);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void aSourceThatIsToSpeakAnOlderVersionDoesNotCompress(PageCompression compression)
      throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      MigrationParameters older =
          compressed(compression).withMaxProtocolVersion(Protocol.VERSION_3);
      Hop hop = Hop.run(a, b, older);
      assertThat(hop.progress().error().orElse(""))
          .startsWith("compression " + compression.qmpName() + " needs protocol version 4");
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
    }
  }

  /**
   * What remains is counted before compression, and so is the rate: at the rate of bytes on the
   * wire, what is dirty after the first pass would take ten seconds here. It is so much that
   * another pass would make no headway.
   */
  @Test
  void theDowntimeIsForeseenWithCompression() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 6000, Content.WORDS, 1);
      MigrationListener guest =
          new MigrationListener() {
            @Override
            public void passStarted(long pass) {
              for (long page = 0; pass == 1 && page < 4000; page++) {
                a.guestWrite(page, page);
              }
            }
          };
      MigrationParameters parameters =
          compressed(PageCompression.ZSTD)
              .withMaxBandwidth(2 << 20)
              .withDowntimeLimit(Duration.ofSeconds(5));
      Hop hop = Hop.run(a, b, parameters, Hop.DESTINATION, guest);
      assertCompleted(hop, a, b);
      assertThat(hop.progress().traffic().transferred()).isGreaterThan(2 << 20);
      assertThat(hop.progress().ram().passes())
          .as("one, and the one of the stopped guest")
          .isEqualTo(2);
    }
  }
}
